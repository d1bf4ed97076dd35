//! Errors of any type, for people.

use std::fmt::Write as _;

use super::lift::{Value, set};
use super::shape::Shape;
use crate::error::printable;
use crate::instance::reason;

/// The code of a failure that does not say its own.
pub(super) const INVALID_INPUT: &str = "invalid-input";

/// Bytes after which a text is long enough.
const ENOUGH: usize = 4_096;

/// The code and the message of an error. A record may have fields of these names; all
/// else is the message as a whole.
pub(super) fn failure(shape: Option<&Shape>, value: Option<&Value>) -> (String, String) {
    let (Some(shape), Some(value)) = (shape, value) else {
        let message = "the function returned an error without a message";
        return (INVALID_INPUT.into(), message.into());
    };
    let field = |name: &str| match (shape, value) {
        (Shape::Record(fields), Value::Fields(values)) => {
            let mut fields = fields.iter().zip(values);
            let ((_, shape), value) = fields.find(|((field, _), _)| field == name)?;
            Some(text(shape, value)).filter(|text| !text.is_empty())
        }
        _ => None,
    };
    let code = field("code").map_or_else(|| INVALID_INPUT.into(), |code| printable(&code, 64));
    let message = field("message").unwrap_or_else(|| text(shape, value));
    (code, reason(&message))
}

/// Strings and names as they are, all else as WIT's tools write values (WAVE).
pub(super) fn text(shape: &Shape, value: &Value) -> String {
    match (shape, value) {
        (Shape::String | Shape::Char, Value::Text(text)) => text.clone(),
        (Shape::Option(inner), value) if *value != Value::Null => text(inner, value),
        (Shape::Option(_), _) => String::new(),
        _ => {
            let mut out = String::new();
            write(&mut out, shape, value);
            out
        }
    }
}

fn write(out: &mut String, shape: &Shape, value: &Value) {
    if out.len() > ENOUGH {
        return;
    }
    match (shape, value) {
        (_, Value::Null) => out.push_str("none"),
        (Shape::Option(inner), value) => {
            out.push_str("some(");
            write(out, inner, value);
            out.push(')');
        }
        (_, Value::Bool(value)) => out.push_str(if *value { "true" } else { "false" }),
        (shape, Value::Number(bits)) => number(out, shape, *bits),
        (_, Value::Text(text)) => {
            let _ = write!(out, "{:?}", printable(text, ENOUGH));
        }
        (Shape::List(item), Value::Bytes(bytes)) => {
            let width = item.width().unwrap_or(1);
            let numbers = bytes.chunks_exact(width).map(|bytes| {
                let mut bits = [0; 8];
                bits[..width].copy_from_slice(bytes);
                Value::Number(u64::from_le_bytes(bits))
            });
            all(out, "[", numbers, "]", |out, value| {
                write(out, item, &value)
            });
        }
        (_, Value::Bytes(bytes)) => {
            let _ = write!(out, "{} bytes", bytes.len());
        }
        (Shape::List(item), Value::List(values)) => {
            all(out, "[", values, "]", |out, value| write(out, item, value));
        }
        (Shape::Record(fields), Value::Fields(values)) => {
            let fields = fields.iter().zip(values);
            all(out, "{", fields, "}", |out, ((name, shape), value)| {
                out.push_str(name);
                out.push_str(": ");
                write(out, shape, value);
            });
        }
        (Shape::Tuple(shapes), Value::Fields(values)) => {
            let fields = shapes.iter().zip(values);
            all(out, "(", fields, ")", |out, (shape, value)| {
                write(out, shape, value)
            });
        }
        (Shape::Enum(names), Value::Case(case, _)) => {
            out.push_str(names.get(*case).map_or("", String::as_str));
        }
        (Shape::Variant(cases), Value::Case(case, value)) => {
            let Some((name, shape)) = cases.get(*case) else {
                return;
            };
            out.push_str(name);
            if let (Some(shape), Some(value)) = (shape, value) {
                out.push('(');
                write(out, shape, value);
                out.push(')');
            }
        }
        (Shape::Flags(names), Value::Flags(bits)) => {
            all(out, "{", set(bits, names), "}", |out, name| {
                out.push_str(name)
            });
        }
        _ => {}
    }
}

fn all<T>(
    out: &mut String,
    open: &str,
    items: impl IntoIterator<Item = T>,
    close: &str,
    mut write: impl FnMut(&mut String, T),
) {
    out.push_str(open);
    for (i, item) in items.into_iter().enumerate() {
        if out.len() > ENOUGH {
            break;
        }
        if i > 0 {
            out.push_str(", ");
        }
        write(out, item);
    }
    out.push_str(close);
}

fn number(out: &mut String, shape: &Shape, bits: u64) {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a number's bits are the low ones"
    )]
    let _ = match shape {
        Shape::S8 => write!(out, "{}", bits as u8 as i8),
        Shape::S16 => write!(out, "{}", bits as u16 as i16),
        Shape::S32 => write!(out, "{}", bits as u32 as i32),
        Shape::S64 => write!(out, "{}", bits as i64),
        Shape::F32 => write!(out, "{}", f32::from_bits(bits as u32)),
        Shape::F64 => write!(out, "{}", f64::from_bits(bits)),
        _ => write!(out, "{bits}"),
    };
}
