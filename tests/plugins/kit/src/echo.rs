//! Every type, in and out.

use wudf_guest::{Date, Row, Timestamp, TimestampUtc, udf};

macro_rules! echoes {
    ($($name:ident: $type:ty),* $(,)?) => {
        $(
            /// The argument.
            #[udf]
            pub fn $name(x: $type) -> $type {
                x
            }
        )*
    };
}

echoes! {
    echo_bool: bool,
    echo_i8: i8, echo_i16: i16, echo_i32: i32, echo_i64: i64,
    echo_u8: u8, echo_u16: u16, echo_u32: u32, echo_u64: u64,
    echo_f32: f32, echo_f64: f64,
    echo_string: &str, echo_bytes: &[u8],
    echo_date: Date, echo_timestamp: Timestamp, echo_timestamp_utc: TimestampUtc,
    echo_option: Option<i64>, echo_option_string: Option<String>,
    echo_list: Vec<f32>, echo_list_option: Vec<Option<i32>>, echo_list_string: Vec<&str>,
    echo_list_bool: Vec<bool>, echo_list_slice: &[f64], echo_nested: Vec<Vec<i32>>,
    echo_array: [f32; 3],
    echo_struct: Point<'_>, echo_list_struct: Vec<Point<'_>>,
}

/// A struct with some of everything.
#[derive(Clone, Debug, PartialEq, Row)]
pub struct Point<'a> {
    /// A string.
    pub name: &'a str,
    /// A number.
    pub x: f64,
    /// A number that may be null.
    pub y: Option<f64>,
    /// A list.
    pub tags: Vec<String>,
}
