//! The functions as a plugin of wudf.

use wudf_guest::udf;

/// The argument.
#[udf]
pub fn nothing(x: i64) -> i64 {
    functions::nothing(x)
}

/// One more than the argument.
#[udf]
pub fn add_one(x: i64) -> i64 {
    functions::add_one(x)
}

/// How many bytes the argument has.
#[udf]
pub fn blob_len(blob: &[u8]) -> i64 {
    functions::blob_len(blob)
}

/// A part of a string.
#[udf]
pub fn substr(s: &str, start: i64, length: i64) -> &str {
    functions::substr(s, start, length)
}

/// A part of a string, as a new one.
#[udf]
pub fn substr_owned(s: &str, start: i64, length: i64) -> String {
    functions::substr_owned(s, start, length)
}

wudf_guest::plugin! { nothing, add_one, blob_len, substr, substr_owned }
