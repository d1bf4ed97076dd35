//! The shape of JSON values: which fields there are and what they hold, in the order of their first appearance.

use std::fmt;

use anyhow::{Context as _, Result, bail};
use arrow_schema::{DataType, Field, Fields};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Integers up to here are floats, too, without loss.
const EXACT: u64 = 1 << 53;

/// What the values in one place are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    boolean: bool,
    negative: bool,
    /// Integers above those of 64 bits with a sign.
    large: bool,
    /// Numbers so large that they may be integers of any size.
    huge: bool,
    /// Integers that a float would round.
    wide: bool,
    integer: bool,
    float: bool,
    text: bool,
    items: Option<Box<Self>>,
    fields: Option<Vec<(String, Self)>>,
    /// The lines of the first scalar, list and object.
    first: [Option<u64>; 3],
}

const KINDS: [&str; 3] = ["a plain value", "a list", "an object"];

impl Shape {
    /// Adds the object of one line.
    pub fn add(&mut self, line: &[u8], number: u64) -> Result<()> {
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        let at = At {
            shape: self,
            line: number,
        };
        at.deserialize(&mut deserializer)
            .and_then(|()| deserializer.end())
            .with_context(|| format!("line {number} is no JSON object"))?;
        if self.first[0].is_some() || self.first[1].is_some() {
            bail!("line {number} is no JSON object");
        }
        Ok(())
    }

    /// Adds the values of another file.
    pub fn merge(&mut self, other: &Self) {
        self.boolean |= other.boolean;
        self.negative |= other.negative;
        self.large |= other.large;
        self.huge |= other.huge;
        self.wide |= other.wide;
        self.integer |= other.integer;
        self.float |= other.float;
        self.text |= other.text;
        for (first, other) in self.first.iter_mut().zip(other.first) {
            *first = first.or(other);
        }
        if let Some(items) = &other.items {
            self.items.get_or_insert_default().merge(items);
        }
        for (name, shape) in other.fields.iter().flatten() {
            self.field(name, usize::MAX).1.merge(shape);
        }
        if other.fields.is_some() {
            self.fields.get_or_insert_default();
        }
    }

    /// The field of a name, which is likely to be the `hint`th.
    fn field(&mut self, name: &str, hint: usize) -> (usize, &mut Self) {
        let fields = self.fields.get_or_insert_default();
        let index = match fields.get(hint) {
            Some((known, _)) if known == name => hint,
            _ => match fields.iter().position(|(known, _)| known == name) {
                Some(index) => index,
                None => {
                    fields.push((name.to_owned(), Self::default()));
                    fields.len() - 1
                }
            },
        };
        (index, &mut fields[index].1)
    }

    /// The columns of objects. `as_text` says which of them are to be text.
    pub fn columns(&self, as_text: impl Fn(&str) -> bool) -> Result<Fields> {
        let fields = self.fields.as_deref().unwrap_or_default();
        let fields = fields.iter().map(|(name, shape)| {
            let nested = shape.items.is_some() || shape.fields.is_some();
            let ty = if as_text(name) && !nested {
                DataType::Utf8
            } else {
                shape.data_type(name)?
            };
            Ok(Field::new(name, ty, true))
        });
        fields.collect()
    }

    /// The type that holds all values as they were written.
    fn data_type(&self, name: &str) -> Result<DataType> {
        let mut seen = (0..KINDS.len()).filter_map(|kind| Some((kind, self.first[kind]?)));
        if let (Some((one, line)), Some((other, other_line))) = (seen.next(), seen.next()) {
            bail!(
                "the field {name} is {} in line {line} and {} in line {other_line}: no column holds both",
                KINDS[one],
                KINDS[other]
            );
        }
        if let Some(items) = &self.items {
            let item = items.data_type(&format!("{name}[]"))?;
            return Ok(DataType::new_list(item, true));
        }
        if let Some(fields) = &self.fields {
            let fields = fields.iter().map(|(below, shape)| {
                let ty = shape.data_type(&format!("{name}.{below}"))?;
                Ok(Field::new(below, ty, true))
            });
            return Ok(DataType::Struct(fields.collect::<Result<_>>()?));
        }
        let number = self.integer || self.float || self.huge;
        if self.text || (self.boolean && number) {
            return Ok(DataType::Utf8);
        }
        let wide = self.wide || self.large;
        Ok(if self.boolean {
            DataType::Boolean
        } else if self.float {
            if wide {
                DataType::Utf8
            } else {
                DataType::Float64
            }
        } else if self.huge || (self.large && self.negative) {
            DataType::Utf8
        } else if self.large {
            DataType::UInt64
        } else if self.integer {
            DataType::Int64
        } else {
            DataType::Utf8
        })
    }
}

/// A shape that takes a value of a line.
struct At<'a> {
    shape: &'a mut Shape,
    line: u64,
}

impl At<'_> {
    fn first(&mut self, kind: usize) {
        self.shape.first[kind].get_or_insert(self.line);
    }
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.first(2);
        self.shape.fields.get_or_insert_default();
        let mut hint = 0;
        while let Some(index) = map.next_key_seed(Key {
            shape: self.shape,
            hint,
        })? {
            hint = index + 1;
            let line = self.line;
            let Some((_, shape)) = self.shape.fields.as_mut().and_then(|f| f.get_mut(index)) else {
                continue;
            };
            map.next_value_seed(At { shape, line })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        self.first(1);
        let line = self.line;
        let shape = self.shape.items.get_or_insert_default();
        while seq.next_element_seed(At { shape, line })?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(mut self, _: bool) -> Result<(), E> {
        self.first(0);
        self.shape.boolean = true;
        Ok(())
    }

    fn visit_i64<E>(mut self, value: i64) -> Result<(), E> {
        self.first(0);
        self.shape.integer = true;
        self.shape.negative |= value < 0;
        self.shape.wide |= value.unsigned_abs() > EXACT;
        Ok(())
    }

    fn visit_u64<E>(mut self, value: u64) -> Result<(), E> {
        self.first(0);
        self.shape.integer = true;
        self.shape.wide |= value > EXACT;
        self.shape.large |= i64::try_from(value).is_err();
        Ok(())
    }

    fn visit_f64<E>(mut self, value: f64) -> Result<(), E> {
        self.first(0);
        // What has no fraction may be an integer of many digits, of which serde_json gives the nearest float.
        if value.abs() >= i64::MAX as f64 {
            self.shape.huge = true;
        } else {
            self.shape.float = true;
        }
        Ok(())
    }

    fn visit_str<E>(mut self, _: &str) -> Result<(), E> {
        self.first(0);
        self.shape.text = true;
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Looks a key up without a copy of it.
struct Key<'a> {
    shape: &'a mut Shape,
    hint: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<usize, E> {
        Ok(self.shape.field(key, self.hint).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(lines: &str) -> Result<Fields> {
        let mut shape = Shape::default();
        for (line, number) in lines.lines().zip(1..) {
            shape.add(line.as_bytes(), number)?;
        }
        shape.columns(|_| false)
    }

    #[test]
    fn columns_keep_their_order() {
        let text = r#"{"z": 1, "a": [{"y": 1, "b": 2}], "m": {"q": 1, "c": null}}
{"new": true, "z": 2}"#;
        let fields = columns(text).unwrap();
        let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["z", "a", "m", "new"]);
        let text = format!("{}{}", fields[1].data_type(), fields[2].data_type());
        assert!(
            text.find("\"y\"") < text.find("\"b\"") && text.find("\"q\"") < text.find("\"c\""),
            "{text}"
        );
    }

    #[test]
    fn types_hold_every_value() {
        use DataType::{Boolean, Float64, Int64, UInt64, Utf8};
        for (values, wanted) in [
            (&["1", "-2"][..], Int64),
            (&["1", "2.75"], Float64),
            (&["1", "\"7\""], Utf8),
            (&["18446744073709551615"], UInt64),
            (&["18446744073709551615", "-1"], Utf8),
            (&["123456789012345678901234567890"], Utf8),
            (&["9007199254740993", "0.5"], Utf8),
            (&["true", "null"], Boolean),
            (&["true", "1"], Utf8),
            (&["null"], Utf8),
            (&["[1]", "[2.5, null]"], DataType::new_list(Float64, true)),
            (&["[]"], DataType::new_list(Utf8, true)),
        ] {
            let lines: Vec<String> = values.iter().map(|v| format!("{{\"v\": {v}}}")).collect();
            let found = columns(&lines.join("\n")).unwrap();
            assert_eq!(found[0].data_type(), &wanted, "{values:?}");
        }
    }

    #[test]
    fn what_no_column_holds_is_named_with_its_lines() {
        let error = |text: &str| columns(text).unwrap_err().to_string();
        let both = error(
            "{\"a\":{\"v\":1}}\n\n{\"a\":{\"v\":[1]}}"
                .replace("\n\n", "\n")
                .as_str(),
        );
        assert_eq!(
            both,
            "the field a.v is a plain value in line 1 and a list in line 2: no column holds both"
        );
        assert_eq!(error("{}\n[1]"), "line 2 is no JSON object");
        assert_eq!(error("{}\n{\"a\":}"), "line 2 is no JSON object");
    }
}
