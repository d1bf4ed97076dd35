//! Which types a column may have for an argument, and how its values become the
//! argument's: one rule for every engine.
//!
//! A value is never changed silently. Where it has no equal in the other type
//! its row fails, and only its row:
//!
//! | from | to | a row fails where |
//! |---|---|---|
//! | text or binary in any layout, views and dictionaries included | text, or binary, in any other layout | a value has more than 2 GiB |
//! | text | binary | never: its UTF-8 bytes |
//! | text | date, time, timestamp | it is not written as ISO 8601 says, has digits that the unit has not, or has a UTC offset where the argument has no time zone, and the other way round |
//! | binary | fixed-size binary | its length is another |
//! | integers | integers, decimals, floats | the number is out of range, or a float of this size has no such integer |
//! | floats | smaller floats | a finite number becomes infinite; digits are rounded |
//! | floats | integers | it has a fraction or is out of range |
//! | floats | decimals | its shortest decimal form has more digits than the decimal |
//! | decimals | decimals, integers | a digit would be lost |
//! | decimals | floats (the nearest), text | never |
//! | timestamps, times, durations | another unit | a digit would be lost, or it is out of range |
//! | timestamps with a time zone | another time zone | never: the same instant |
//! | dates, in days or milliseconds | dates in days, timestamps without a time zone | it is no whole day, or out of range |
//! | timestamps without a time zone | dates | it is not midnight |
//! | lists in any layout | lists in any layout, items by these rules | an item fails |
//! | lists in any layout | fixed-size lists | its length is another |
//! | structs | structs, fields by name; fields that the target has not are left out | a field fails |
//! | maps, lists of structs of `key` and `value` | each other | a key is null |
//! | null | any type | never |
//! | any type | the type of an argument that takes any, `DataType::Null` | as to the nearest type that plugins have |
//!
//! There is nothing else: numbers do not become text nor text numbers (a postal
//! code keeps its zeros), and a timestamp gets or loses a time zone only where
//! the engine is told to do it.

mod build;
mod bytes;
mod nested;
mod numbers;
mod rule;
mod time;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, new_null_array};
use arrow_schema::DataType;

pub use rule::Conversion;
pub use rule::nullable;

use crate::columns::schema::{self, ANY};
use crate::{Error, ErrorKind, Result};

/// Values cast, and the rows that have no value of the other type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cast {
    /// One value for each row; null where the row failed. Everything within the
    /// type is nullable, unless nothing had to be cast.
    pub values: ArrayRef,
    /// The rows that failed, in ascending order, and why.
    pub failures: Vec<(usize, String)>,
}

/// How columns of type `from` become columns of type `to`.
///
/// # Errors
/// [`ErrorKind::InvalidArguments`] where they never do, saying which part of the
/// type is in the way.
pub fn conversion(from: &DataType, to: &DataType) -> Result<Conversion> {
    rule::conversion(from, to).map_err(|why| Error::new(ErrorKind::InvalidArguments, why))
}

/// Whether a column of type `from` may stand for one of type `to`.
pub fn can_cast(from: &DataType, to: &DataType) -> bool {
    rule::conversion(from, to).is_ok()
}

/// Casts a column, row by row.
///
/// # Errors
/// [`ErrorKind::InvalidArguments`] where [`conversion`] has it, and where values
/// do not fit in one array: a list of more than 2³¹ items in all.
pub fn cast_rows(array: &ArrayRef, to: &DataType) -> Result<Cast> {
    let from = array.data_type();
    if *to == ANY {
        return cast_rows(array, &schema::crossing(from));
    }
    if rule::same(from, to) {
        return Ok(Cast {
            values: array.clone(),
            failures: Vec::new(),
        });
    }
    conversion(from, to)?;
    let mut failures = BTreeMap::new();
    let values = convert(array, to, &mut |row, why| {
        failures.entry(row).or_insert_with(why);
    })
    .map_err(|why| Error::new(ErrorKind::InvalidArguments, why))?;
    let values = without(&values, failures.keys().copied())?;
    Ok(Cast {
        values,
        failures: failures.into_iter().collect(),
    })
}

/// Casts values all of which have to fit, such as a constant.
///
/// # Errors
/// Why the first one that does not fit does not, or what [`cast_rows`] says.
pub(crate) fn whole(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    let cast = cast_rows(array, to).map_err(|e| e.message().to_owned())?;
    match cast.failures.into_iter().next() {
        None => Ok(cast.values),
        Some((_, why)) => Err(why),
    }
}

/// The values, with nulls in these rows.
pub(crate) fn without(
    values: &ArrayRef,
    rows: impl ExactSizeIterator<Item = usize>,
) -> Result<ArrayRef> {
    if rows.len() == 0 {
        return Ok(values.clone());
    }
    let mut failed = vec![false; values.len()];
    rows.for_each(|row| failed[row] = true);
    arrow_select::nullif::nullif(values, &BooleanArray::from(failed))
        .map_err(|e| Error::new(ErrorKind::InvalidArguments, e.to_string()))
}

/// Hears of each value that could not be cast, and why. Of the failures of one
/// row only one is told to people, so that messages are written on demand.
type Fail<'a> = dyn FnMut(usize, &dyn Fn() -> String) + 'a;

/// Casts values between types that [`conversion`] allows. What fails is null.
///
/// # Errors
/// Why the array as a whole cannot be cast.
fn convert(array: &ArrayRef, to: &DataType, fail: &mut Fail<'_>) -> Result<ArrayRef, String> {
    use DataType::*;
    let from = array.data_type();
    if rule::same(from, to) {
        return Ok(array.clone());
    }
    match (from, to) {
        (Null, to) => Ok(new_null_array(&nullable(to), array.len())),
        (Dictionary(..), to) => {
            let dictionary = array.as_any_dictionary();
            let values =
                arrow_select::take::take(dictionary.values().as_ref(), dictionary.keys(), None);
            convert(&values.map_err(|e| e.to_string())?, to, fail)
        }
        (RunEndEncoded(_, value), to) => {
            let values = arrow_cast::cast(array, value.data_type());
            convert(&values.map_err(|e| e.to_string())?, to, fail)
        }
        (from, to) if rule::is_text(from) && time::is(to) => time::parse(array, to, fail),
        (from, to) if time::is(from) && time::is(to) => time::convert(array, to, fail),
        (from, to) if from.is_decimal() && rule::is_text(to) => {
            let text = arrow_cast::cast(array, &Utf8).map_err(|e| e.to_string())?;
            convert(&text, to, fail)
        }
        (from, to) if rule::is_number(from) && rule::is_number(to) => {
            numbers::convert(array, to, fail)
        }
        (from, to) if rule::is_bytes(from) && rule::is_bytes(to) => bytes::convert(array, to, fail),
        (from, to) => nested::convert(array, to, fail)
            .unwrap_or_else(|| Err(format!("{from} cannot be cast to {to}"))),
    }
}
