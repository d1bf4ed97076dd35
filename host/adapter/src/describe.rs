//! Signatures as JSON, for those who do not know them as Rust.

use arrow_schema::Field;
use serde_json::{Value, json};
use wudf::{Signature, Volatility};

/// A signature: name, doc, arguments, result, and what it asks for.
pub fn signature(signature: &Signature) -> Value {
    json!({
        "name": signature.name,
        "doc": signature.doc,
        "signature": signature.to_string(),
        "arguments": signature.arguments.iter().map(field).collect::<Vec<_>>(),
        "returns": field(&signature.returns),
        "volatility": match signature.volatility {
            Volatility::Immutable => "immutable",
            Volatility::Stable => "stable",
            _ => "volatile",
        },
        "models": signature.models,
        "assets": signature.assets,
        "options": signature.options,
    })
}

/// A column: name, type as arrow writes it, and whether it may be null.
pub fn field(field: &Field) -> Value {
    json!({
        "name": field.name(),
        "type": field.data_type().to_string(),
        "nullable": field.is_nullable(),
    })
}
