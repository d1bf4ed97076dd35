//! Signatures and counters as JSON, for those who do not know them as Rust.

use arrow_schema::Field;
use serde_json::{Value, json};
use wudf::{Signature, Stats, Volatility};

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

/// What a function has done: counts, and times in seconds.
pub fn stats(stats: &Stats) -> Value {
    json!({
        "rows": stats.rows,
        "failures": stats.failures,
        "failures_by_code": stats.failures_by_code,
        "bytes_in": stats.bytes_in,
        "bytes_out": stats.bytes_out,
        "calls": stats.calls,
        "instances_created": stats.instances_created,
        "instances_reused": stats.instances_reused,
        "instances_evicted": stats.instances_evicted,
        "plugin": stats.plugin.as_secs_f64(),
        "model": stats.model.as_secs_f64(),
        "queue_wait": stats.queue_wait.as_secs_f64(),
        "boundary": stats.boundary.as_secs_f64(),
        "batch_runs": stats.batch_runs,
        "batch_rows": stats.batch_rows,
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
