//! Strings.

use std::num::ParseIntError;

use wudf_guest::udf;

/// The host part of a URL.
///
/// Null where there is none.
#[udf]
pub fn domain(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    (!host.is_empty()).then_some(host)
}

/// `length` characters of a string, from the one with number `start`, counted
/// from 0.
#[udf]
pub fn substr(s: &str, start: i64, length: i64) -> String {
    let count = |number: i64| usize::try_from(number).unwrap_or(0);
    s.chars().skip(count(start)).take(count(length)).collect()
}

/// The whole number that a string says.
#[udf]
pub fn parse_int(s: &str) -> Result<i64, ParseIntError> {
    s.trim().parse()
}

/// The string in capitals.
#[udf]
pub fn upper(s: &str) -> String {
    s.to_uppercase()
}
