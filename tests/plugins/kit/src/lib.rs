//! The well-behaved test plugin, and the badly behaved rows that the SDK lets an
//! author write. Host, adapters and benches test with it.

pub mod echo;
pub mod host;
pub mod options;
pub mod text;
pub mod trouble;

use wudf_guest::udf;

/// One more than the argument.
#[udf]
pub fn add_one(x: i64) -> i64 {
    x.wrapping_add(1)
}

/// The argument: what a call costs.
#[udf]
pub fn nothing(x: i64) -> i64 {
    x
}

/// How many bytes the argument has.
#[udf]
pub fn blob_len(blob: &[u8]) -> i64 {
    blob.len() as i64
}

/// The sum of two numbers of different types.
#[udf]
pub fn weigh(count: i32, weight: f64) -> f64 {
    f64::from(count) * weight
}

/// A constant: a function without arguments.
#[udf]
pub fn answer() -> i64 {
    42
}

wudf_guest::plugin! {
    add_one, nothing, blob_len, weigh, answer,
    text::domain, text::substr, text::parse_int, text::upper,
    echo::echo_bool,
    echo::echo_i8, echo::echo_i16, echo::echo_i32, echo::echo_i64,
    echo::echo_u8, echo::echo_u16, echo::echo_u32, echo::echo_u64,
    echo::echo_f32, echo::echo_f64,
    echo::echo_string, echo::echo_bytes,
    echo::echo_date, echo::echo_timestamp, echo::echo_timestamp_utc,
    echo::echo_option, echo::echo_option_string,
    echo::echo_list, echo::echo_list_option, echo::echo_list_string, echo::echo_list_bool,
    echo::echo_list_slice, echo::echo_nested, echo::echo_array,
    echo::echo_struct, echo::echo_list_struct,
    trouble::panics, trouble::spins, trouble::sleeps, trouble::hogs, trouble::recurses,
    trouble::big_output, trouble::fails, trouble::hoards, trouble::slow_calls,
    host::prints, host::random_and_time, host::looks_around, host::asset_word, host::infer,
    options::options_echo, options::Sized,
}
