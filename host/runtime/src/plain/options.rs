//! Options of a plain function: the parameters of what makes its resource.

use serde_json::{Map, Value, json};
use wasmtime::AsContextMut;
use wasmtime::component::types::{ComponentFunc, Type};
use wasmtime::component::{Func, Instance, ResourceAny, Val};

use super::PlainFunction;
use super::shape::Shape;
use crate::instance::reason;

/// A function in an instance, with its options bound.
#[derive(Clone, Copy)]
pub(crate) struct Opened {
    pub(super) func: Func,
    /// The resource whose method it is.
    pub(super) this: Option<ResourceAny>,
}

/// Why options could not be bound.
pub(crate) enum Refusal {
    /// There is no such function in the instance.
    Missing,
    /// The options are not those of the function.
    Options(String),
    /// The plugin's own word: a code, and a message.
    Failed(String, String),
    /// What ended the instance.
    Crashed(wasmtime::Error),
}

/// What makes a resource: a constructor, or a static function.
#[derive(Clone)]
pub(super) struct Maker {
    pub export: String,
    options: Vec<(String, Shape)>,
    /// Whether the options are the fields of one record.
    record: bool,
}

/// The schema of a function without options.
pub(super) fn schema_of_none() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

impl Maker {
    pub(super) fn new(export: &str, ty: &ComponentFunc) -> Result<Self, String> {
        let mut options = Vec::new();
        for (name, ty) in ty.params() {
            let shape = Shape::new(&ty, 0)
                .and_then(|shape| schema(&shape).map(|_| shape))
                .map_err(|e| format!("option `{name}`: {e}"))?;
            options.push((name.to_owned(), shape));
        }
        if let Some(Type::Result(result)) = ty.results().next()
            && let Some(error) = result.err()
        {
            Shape::new(&error, 0).map_err(|e| format!("the error of its result: {e}"))?;
        }
        let record = match options.as_slice() {
            [(_, Shape::Record(fields))] => Some(fields.clone()),
            _ => None,
        };
        Ok(Self {
            export: export.to_owned(),
            record: record.is_some(),
            options: record.unwrap_or(options),
        })
    }

    /// The JSON Schema of its options.
    pub(super) fn schema(&self) -> Value {
        // That there is one was seen when it was made.
        object(&self.options).unwrap_or_else(|_| schema_of_none())
    }

    fn arguments(&self, options: &Value) -> Result<Vec<Val>, String> {
        let fields = fields(&self.options, options, "option")?;
        Ok(match self.record {
            true => vec![Val::Record(fields)],
            false => fields.into_iter().map(|(_, value)| value).collect(),
        })
    }
}

impl PlainFunction {
    /// Finds the function in an instance, and binds its options.
    pub(crate) fn open(
        &self,
        mut store: impl AsContextMut,
        instance: &Instance,
        options: &Value,
    ) -> Result<Opened, Refusal> {
        let mut find = |export: &str| {
            let parent = match &self.interface {
                Some(name) => Some(instance.get_export_index(&mut store, None, name)?),
                None => None,
            };
            let index = instance.get_export_index(&mut store, parent.as_ref(), export)?;
            instance.get_func(&mut store, index)
        };
        let func = find(&self.export).ok_or(Refusal::Missing)?;
        let Some(maker) = &self.maker else {
            fields(&[], options, "option").map_err(Refusal::Options)?;
            return Ok(Opened { func, this: None });
        };
        let make = find(&maker.export).ok_or(Refusal::Missing)?;
        let arguments = maker.arguments(options).map_err(Refusal::Options)?;
        let mut made = [Val::Bool(false)];
        make.call(&mut store, &arguments, &mut made)
            .map_err(Refusal::Crashed)?;
        let [made] = made;
        match made {
            Val::Resource(this) => Ok(this),
            Val::Result(Ok(Some(value))) => match *value {
                Val::Resource(this) => Ok(this),
                _ => Err(Refusal::Missing),
            },
            Val::Result(Err(error)) => {
                let (code, message) = failure(error.as_deref());
                Err(Refusal::Failed(code, message))
            }
            _ => Err(Refusal::Missing),
        }
        .map(|this| Opened {
            func,
            this: Some(this),
        })
    }
}

/// The code and the message of an error that making the resource gave.
fn failure(error: Option<&Val>) -> (String, String) {
    let field = |name: &str| match error {
        Some(Val::Record(fields)) => {
            let (_, value) = fields.iter().find(|(field, _)| field == name)?;
            match value {
                Val::String(text) | Val::Enum(text) => Some(text.clone()),
                _ => None,
            }
        }
        _ => None,
    };
    let code = field("code").unwrap_or_else(|| "options".into());
    let message = field("message").or_else(|| match error? {
        Val::String(text) | Val::Enum(text) => Some(text.clone()),
        Val::Variant(case, None) => Some(case.clone()),
        Val::Variant(case, Some(value)) => match value.as_ref() {
            Val::String(text) => Some(format!("{case}: {text}")),
            value => Some(format!("{case}: {value:?}")),
        },
        other => Some(format!("{other:?}")),
    });
    (
        crate::error::printable(&code, 64),
        reason(&message.unwrap_or_default()),
    )
}

/// WIT names have `-` where columns and options have `_`.
fn name(wit: &str) -> String {
    wit.replace('-', "_")
}

fn object(fields: &[(String, Shape)]) -> Result<Value, String> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (field, shape) in fields {
        let of = schema(shape).map_err(|e| format!("{field}: {e}"))?;
        properties.insert(name(field), of);
        if !matches!(shape, Shape::Option(_)) {
            required.push(name(field));
        }
    }
    let mut schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    Ok(schema)
}

/// The JSON Schema of a value.
///
/// # Errors
/// Why an option cannot be of this type.
fn schema(shape: &Shape) -> Result<Value, String> {
    Ok(match shape {
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::F32 | Shape::F64 => json!({ "type": "number" }),
        Shape::String => json!({ "type": "string" }),
        Shape::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        Shape::Bytes => json!({ "type": "array", "items": schema(&Shape::U8)? }),
        Shape::List(item) => json!({ "type": "array", "items": schema(item)? }),
        Shape::Option(inner) => schema(inner)?,
        Shape::Record(fields) => object(fields)?,
        Shape::Tuple(shapes) => {
            let items = shapes.iter().map(schema).collect::<Result<Vec<_>, _>>()?;
            let count = items.len();
            json!({ "type": "array", "prefixItems": items, "minItems": count, "maxItems": count })
        }
        Shape::Enum(names) => json!({ "type": "string", "enum": names }),
        Shape::Flags(names) => {
            json!({ "type": "array", "items": { "type": "string", "enum": names }, "uniqueItems": true })
        }
        Shape::Variant(_) => return Err("a variant, which options cannot be".into()),
        integer => {
            let (min, max) = range(integer);
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
    })
}

/// The smallest and the largest value of an integer.
fn range(shape: &Shape) -> (i64, u64) {
    match shape {
        Shape::S8 => (i8::MIN.into(), 127),
        Shape::S16 => (i16::MIN.into(), 32_767),
        Shape::S32 => (i32::MIN.into(), 2_147_483_647),
        Shape::S64 => (i64::MIN, i64::MAX as u64),
        Shape::U8 => (0, u8::MAX.into()),
        Shape::U16 => (0, u16::MAX.into()),
        Shape::U32 => (0, u32::MAX.into()),
        _ => (0, u64::MAX),
    }
}

/// The fields of an object.
fn fields(
    shapes: &[(String, Shape)],
    object: &Value,
    what: &str,
) -> Result<Vec<(String, Val)>, String> {
    let object = object.as_object().ok_or("not an object")?;
    let names: Vec<String> = shapes.iter().map(|(field, _)| name(field)).collect();
    if let Some(unknown) = object.keys().find(|key| !names.contains(key)) {
        let unknown = crate::error::printable(unknown, 60);
        return Err(match names.is_empty() {
            true => format!("unknown {what} `{unknown}`: the function takes none"),
            false => format!("unknown {what} `{unknown}`; there is: {}", names.join(", ")),
        });
    }
    let fields = shapes.iter().zip(&names).map(|((field, shape), name)| {
        let value = match (object.get(name), shape) {
            (Some(value), shape) => {
                value_of(shape, value).map_err(|e| format!("{what} `{name}`: {e}"))?
            }
            (None, Shape::Option(_)) => Val::Option(None),
            (None, _) => return Err(format!("missing required {what} `{name}`")),
        };
        Ok((field.clone(), value))
    });
    fields.collect()
}

fn value_of(shape: &Shape, json: &Value) -> Result<Val, String> {
    let other = |wanted: &str| {
        let json = crate::error::printable(&json.to_string(), 60);
        format!("{json} is not {wanted}")
    };
    let text = || json.as_str().ok_or_else(|| other("a string"));
    let items = || json.as_array().ok_or_else(|| other("a list"));
    let one_of = |names: &[String], text: &str| match names.iter().any(|name| name == text) {
        true => Ok(text.to_owned()),
        false => Err(other(&format!("one of: {}", names.join(", ")))),
    };
    macro_rules! integer {
        ($val:ident) => {{
            let (min, max) = range(shape);
            let integer = json
                .as_i64()
                .map(i128::from)
                .or_else(|| json.as_u64().map(i128::from))
                .and_then(|n| n.try_into().ok())
                .ok_or_else(|| other(&format!("an integer from {min} to {max}")))?;
            Val::$val(integer)
        }};
    }
    Ok(match shape {
        Shape::Bool => Val::Bool(json.as_bool().ok_or_else(|| other("true or false"))?),
        Shape::S8 => integer!(S8),
        Shape::S16 => integer!(S16),
        Shape::S32 => integer!(S32),
        Shape::S64 => integer!(S64),
        Shape::U8 => integer!(U8),
        Shape::U16 => integer!(U16),
        Shape::U32 => integer!(U32),
        Shape::U64 => integer!(U64),
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the nearest float is what is meant by a decimal number"
        )]
        Shape::F32 => Val::Float32(json.as_f64().ok_or_else(|| other("a number"))? as f32),
        Shape::F64 => Val::Float64(json.as_f64().ok_or_else(|| other("a number"))?),
        Shape::String => Val::String(text()?.to_owned()),
        Shape::Char => {
            let mut chars = text()?.chars();
            match (chars.next(), chars.next()) {
                (Some(char), None) => Val::Char(char),
                _ => return Err(other("exactly one character")),
            }
        }
        Shape::Bytes => {
            let bytes = items()?.iter().map(|item| value_of(&Shape::U8, item));
            Val::List(bytes.collect::<Result<_, _>>()?)
        }
        Shape::List(item) => {
            let values = items()?.iter().map(|value| value_of(item, value));
            Val::List(values.collect::<Result<_, _>>()?)
        }
        Shape::Option(_) if json.is_null() => Val::Option(None),
        Shape::Option(inner) => Val::Option(Some(Box::new(value_of(inner, json)?))),
        Shape::Record(shapes) => Val::Record(fields(shapes, json, "field")?),
        Shape::Tuple(shapes) => {
            let values = items()?;
            if values.len() != shapes.len() {
                return Err(other(&format!("a list of {}", shapes.len())));
            }
            let values = shapes.iter().zip(values).map(|(s, v)| value_of(s, v));
            Val::Tuple(values.collect::<Result<_, _>>()?)
        }
        Shape::Enum(names) => Val::Enum(one_of(names, text()?)?),
        Shape::Flags(names) => {
            let set = items()?.iter().map(|item| {
                let text = item.as_str().ok_or_else(|| other("a list of strings"))?;
                one_of(names, text)
            });
            Val::Flags(set.collect::<Result<_, _>>()?)
        }
        Shape::Variant(_) => return Err("a variant, which options cannot be".into()),
    })
}
