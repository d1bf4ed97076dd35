//! `NAME=VALUE`, read as the function's JSON Schema wants it.

use serde_json::{Map, Value};
use wudf::{Error, ErrorKind, Result};

/// The options as a JSON object.
///
/// # Errors
/// [`ErrorKind::InvalidOptions`] when the schema has no such option or it wants another type.
pub fn parse(options: &[(String, String)], schema: &Value) -> Result<Value> {
    let mut object = Map::new();
    for (name, text) in options {
        object.insert(name.clone(), value(name, text, schema)?);
    }
    Ok(Value::Object(object))
}

fn value(name: &str, text: &str, schema: &Value) -> Result<Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let Some(wanted) = properties.and_then(|properties| properties.get(name)) else {
        let open = match schema.get("additionalProperties") {
            None => properties.is_none(),
            Some(allowed) => allowed != &Value::Bool(false),
        };
        if !open {
            let names: Vec<&str> = properties
                .into_iter()
                .flatten()
                .map(|(name, _)| name.as_str())
                .collect();
            return Err(match names.as_slice() {
                [] => invalid(format!("the function has no options, so no {name} either")),
                names => invalid(format!(
                    "the function has no option {name}; its options are {}",
                    names.join(", ")
                )),
            });
        }
        // Nothing says what it should be.
        return Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()));
    };
    if let Some(value) = serde_json::from_str(text)
        .ok()
        .filter(|value| conforms(value, wanted, schema))
    {
        return Ok(value);
    }
    let string = Value::from(text);
    if conforms(&string, wanted, schema) {
        return Ok(string);
    }
    Err(invalid(format!(
        "the option {name} wants {}, not `{text}`",
        describe(wanted, schema)
    )))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOptions, message)
}

/// Whether a value has a type that a schema allows. Ranges and the like are the plugin's to check.
fn conforms(value: &Value, wanted: &Value, root: &Value) -> bool {
    let wanted = resolve(wanted, root);
    if let Some(allowed) = wanted.get("enum").and_then(Value::as_array) {
        return allowed.contains(value);
    }
    if let Some(only) = wanted.get("const") {
        return only == value;
    }
    if let Some(choices) = choices(wanted) {
        return choices.iter().any(|choice| conforms(value, choice, root));
    }
    match wanted.get("type") {
        None => true,
        Some(Value::Array(types)) => types
            .iter()
            .any(|ty| has_type(value, ty.as_str(), wanted, root)),
        Some(ty) => has_type(value, ty.as_str(), wanted, root),
    }
}

fn has_type(value: &Value, ty: Option<&str>, wanted: &Value, root: &Value) -> bool {
    match ty {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("object") => value.is_object(),
        Some("array") => match (value.as_array(), wanted.get("items")) {
            (Some(values), Some(items)) => values.iter().all(|value| conforms(value, items, root)),
            (values, _) => values.is_some(),
        },
        _ => true,
    }
}

fn choices(schema: &Value) -> Option<&Vec<Value>> {
    ["anyOf", "oneOf"]
        .into_iter()
        .find_map(|key| schema.get(key)?.as_array())
}

fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let reference = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|r| r.strip_prefix('#'));
    reference
        .and_then(|pointer| root.pointer(pointer))
        .unwrap_or(schema)
}

/// What a schema wants, for people.
pub fn describe(wanted: &Value, root: &Value) -> String {
    let wanted = resolve(wanted, root);
    if let Some(allowed) = wanted.get("enum").and_then(Value::as_array) {
        return allowed.iter().map(plain).collect::<Vec<_>>().join(" or ");
    }
    if let Some(only) = wanted.get("const") {
        return plain(only);
    }
    if let Some(choices) = choices(wanted) {
        return choices
            .iter()
            .map(|choice| describe(choice, root))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    let one = |ty: &str| match (ty, wanted.get("items")) {
        ("array", Some(items)) => {
            let bound = |key| wanted.get(key).and_then(Value::as_u64);
            let count = match (bound("minItems"), bound("maxItems")) {
                (Some(min), Some(max)) if min == max => format!(" of {min}"),
                _ => String::new(),
            };
            format!("list{count} ({})", describe(items, root))
        }
        ("array", None) => "list".to_owned(),
        _ => ty.to_owned(),
    };
    match wanted.get("type") {
        Some(Value::String(ty)) => one(ty),
        Some(Value::Array(types)) => types
            .iter()
            .filter_map(Value::as_str)
            .map(one)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "any value".to_owned(),
    }
}

/// A value as it is written on a command line: strings without quotes.
pub fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "layer": { "enum": ["features", "logits"] },
                "crop": { "type": "integer", "minimum": 1 },
                "mean": { "type": "array", "items": { "type": "number" }, "minItems": 3, "maxItems": 3 },
                "exif": { "type": "boolean" },
                "label": { "type": "string" },
                "size": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
                "mode": { "$ref": "#/$defs/mode" },
            },
            "$defs": { "mode": { "type": ["string", "null"] } },
            "additionalProperties": false,
        })
    }

    fn read(name: &str, text: &str) -> Result<Value> {
        parse(&[(name.into(), text.into())], &schema()).map(|object| object[name].clone())
    }

    #[test]
    fn values_are_what_the_schema_wants() {
        assert_eq!(read("layer", "logits").unwrap(), json!("logits"));
        assert_eq!(read("crop", "192").unwrap(), json!(192));
        assert_eq!(read("mean", "[0.5,0.5,1]").unwrap(), json!([0.5, 0.5, 1]));
        assert_eq!(read("exif", "true").unwrap(), json!(true));
        assert_eq!(read("label", "192").unwrap(), json!("192"));
        assert_eq!(read("label", "\"a b\"").unwrap(), json!("a b"));
        assert_eq!(read("size", "null").unwrap(), json!(null));
        assert_eq!(read("mode", "fast").unwrap(), json!("fast"));
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let refuse = |name, text| read(name, text).unwrap_err().to_string();
        assert_eq!(
            refuse("crop", "large"),
            "the option crop wants integer, not `large`"
        );
        assert_eq!(
            refuse("layer", "x"),
            "the option layer wants features or logits, not `x`"
        );
        assert_eq!(
            refuse("mean", "[\"a\"]"),
            "the option mean wants list of 3 (number), not `[\"a\"]`"
        );
        assert!(refuse("corp", "1").contains("its options are"));
        assert!(
            parse(
                &[("a".into(), "1".into())],
                &json!({ "type": "object", "properties": {} })
            )
            .is_err()
        );
    }

    #[test]
    fn without_a_schema_json_is_json() {
        let options = [("a".into(), "1".into()), ("b".into(), "x".into())];
        assert_eq!(
            parse(&options, &json!({})).unwrap(),
            json!({ "a": 1, "b": "x" })
        );
    }
}
