//! The functions as a module of arrow-udf.

use arrow_udf::function;

#[function("nothing(int64) -> int64")]
fn nothing(x: i64) -> i64 {
    functions::nothing(x)
}

#[function("add_one(int64) -> int64")]
fn add_one(x: i64) -> i64 {
    functions::add_one(x)
}

#[function("blob_len(binary) -> int64")]
fn blob_len(blob: &[u8]) -> i64 {
    functions::blob_len(blob)
}

#[function("substr(string, int64, int64) -> string")]
fn substr(s: &str, start: i64, length: i64) -> &str {
    functions::substr(s, start, length)
}

#[function("substr_owned(string, int64, int64) -> string")]
fn substr_owned(s: &str, start: i64, length: i64) -> String {
    functions::substr_owned(s, start, length)
}
