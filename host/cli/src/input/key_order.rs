//! The order of keys in NDJSON, which inference does not keep: columns should come as the text has them, and the same
//! way every time.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The keys of objects, in the order of their first appearance, and what is below them.
#[derive(Debug, Default)]
pub struct KeyOrder(Vec<(String, KeyOrder)>);

impl KeyOrder {
    /// The keys of some rows. What is no JSON is passed over: whoever reads it says so better.
    pub fn of(text: &[u8]) -> Self {
        let mut order = Self::default();
        for line in text.split(|&byte| byte == b'\n') {
            let _ = order.deserialize(&mut serde_json::Deserializer::from_slice(line));
        }
        order
    }

    /// The schema in this order.
    pub fn apply(&self, schema: Schema) -> Schema {
        Schema::new(self.fields(schema.fields()))
    }

    fn fields(&self, fields: &Fields) -> Fields {
        let place = |field: &FieldRef| {
            self.0
                .iter()
                .position(|(key, _)| key == field.name())
                .unwrap_or(usize::MAX)
        };
        let mut sorted: Vec<FieldRef> = fields.iter().cloned().collect();
        sorted.sort_by_key(place);
        let below = |field: FieldRef| match self.0.get(place(&field)) {
            Some((_, below)) => Arc::new(Field::new(
                field.name(),
                below.data_type(field.data_type()),
                field.is_nullable(),
            )),
            None => field,
        };
        sorted.into_iter().map(below).collect()
    }

    fn data_type(&self, ty: &DataType) -> DataType {
        match ty {
            DataType::Struct(fields) => DataType::Struct(self.fields(fields)),
            DataType::List(item) => {
                let item_type = self.data_type(item.data_type());
                DataType::List(Arc::new(Field::new(
                    item.name(),
                    item_type,
                    item.is_nullable(),
                )))
            }
            other => other.clone(),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut KeyOrder {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut KeyOrder {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let index = match self.0.iter().position(|(known, _)| *known == key) {
                Some(index) => index,
                None => {
                    self.0.push((key, KeyOrder::default()));
                    self.0.len() - 1
                }
            };
            map.next_value_seed(&mut self.0[index].1)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(&mut *self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::args::InputFormat;
    use crate::input::text::infer;

    #[test]
    fn columns_keep_their_order() {
        let text = r#"{"z": 1, "a": [{"y": 1, "b": 2}], "m": {"q": 1, "c": null}}
{"new": true, "z": 2}
"#;
        let schema = infer(text.as_bytes(), InputFormat::Ndjson).unwrap();
        let names: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        assert_eq!(names, ["z", "a", "m", "new"]);
        let text = format!(
            "{}{}",
            schema.field(1).data_type(),
            schema.field(2).data_type()
        );
        assert!(
            text.find("\"y\"") < text.find("\"b\"") && text.find("\"q\"") < text.find("\"c\""),
            "{text}"
        );
    }
}
