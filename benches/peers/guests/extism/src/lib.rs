//! The functions as a plugin of extism, over the buffers of Arrow columns.
//!
//! Input by `input_bytes` and output by `Memory` copy once each; a function with
//! a `Vec<u8>` as its argument and result copies twice.

mod frame;

use extism_pdk::{Error, FnResult, Memory, input_bytes, plugin_fn};

#[plugin_fn]
pub fn nothing() -> FnResult<Memory> {
    Ok(numbers(functions::nothing)?)
}

#[plugin_fn]
pub fn add_one() -> FnResult<Memory> {
    Ok(numbers(functions::add_one)?)
}

/// One blob a call: its README says why.
#[plugin_fn]
pub fn blob_len() -> FnResult<i64> {
    Ok(functions::blob_len(&input_bytes()))
}

#[plugin_fn]
pub fn substr() -> FnResult<Memory> {
    Ok(strings(|s, start, length, to| {
        to.extend_from_slice(functions::substr(s, start, length).as_bytes());
    })?)
}

#[plugin_fn]
pub fn substr_owned() -> FnResult<Memory> {
    Ok(strings(|s, start, length, to| {
        to.extend_from_slice(functions::substr_owned(s, start, length).as_bytes());
    })?)
}

/// A column of numbers to one of numbers, in place.
fn numbers(of: impl Fn(i64) -> i64) -> Result<Memory, Error> {
    let mut bytes = input_bytes();
    for number in bytes.as_chunks_mut().0 {
        *number = of(i64::from_le_bytes(*number)).to_le_bytes();
    }
    Memory::from_bytes(bytes)
}

/// A column of strings and two of numbers to one of strings.
fn strings(append: impl Fn(&str, i64, i64, &mut Vec<u8>)) -> Result<Memory, Error> {
    let unfit = || Error::msg("these are not the columns");
    let input = input_bytes();
    let [offsets, text, starts, lengths] = frame::read(&input).ok_or_else(unfit)?;
    let text = std::str::from_utf8(text)?;
    let ends = offsets.as_chunks().0.windows(2);
    let (starts, lengths) = (starts.as_chunks().0, lengths.as_chunks().0);

    let mut values = Vec::new();
    let mut offsets = Vec::with_capacity(offsets.len());
    offsets.extend_from_slice(&[0; 4]);
    for ((range, start), length) in ends.zip(starts).zip(lengths) {
        let at = |offset| i32::from_le_bytes(offset) as usize;
        let string = text.get(at(range[0])..at(range[1])).ok_or_else(unfit)?;
        let number = |bytes: &[u8; 8]| i64::from_le_bytes(*bytes);
        append(string, number(start), number(length), &mut values);
        offsets.extend_from_slice(&i32::try_from(values.len())?.to_le_bytes());
    }
    Memory::from_bytes(frame::write([offsets.as_slice(), values.as_slice()]))
}
