//! Arrays of values that may have failed.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_cast::display::array_value_to_string;
use arrow_schema::DataType;

use super::Fail;
use crate::error::printable;

/// Bytes of a value in a message.
const SHOWN: usize = 60;

/// A value for each one of `array`, null where that is; `value` has `None` for
/// what fails, and `why` the reason.
pub(super) fn primitive<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    to: &DataType,
    value: &dyn Fn(usize) -> Option<T::Native>,
    why: &dyn Fn(usize) -> String,
    fail: &mut Fail<'_>,
) -> Result<ArrayRef, String> {
    let mut failed = Vec::new();
    let mut values = Vec::with_capacity(array.len());
    for i in 0..array.len() {
        let one = if array.is_null(i) {
            Some(T::Native::default())
        } else {
            value(i)
        };
        values.push(one.unwrap_or_else(|| {
            fail(i, &|| why(i));
            failed.push(i);
            T::Native::default()
        }));
    }
    let array = PrimitiveArray::<T>::try_new(values.into(), fewer(array, &failed));
    let array = array.map_err(|e| e.to_string())?;
    Ok(Arc::new(array.with_data_type(to.clone())))
}

/// The array's validity without these values.
pub(super) fn fewer(array: &dyn Array, failed: &[usize]) -> Option<NullBuffer> {
    if failed.is_empty() {
        return array.nulls().cloned();
    }
    let mut valid: Vec<bool> = (0..array.len()).map(|i| array.is_valid(i)).collect();
    failed.iter().for_each(|i| valid[*i] = false);
    Some(NullBuffer::new(BooleanBuffer::from(valid)))
}

/// A value for people.
pub(super) fn shown(array: &ArrayRef, i: usize) -> String {
    let value = match array.data_type() {
        // In UTC: the rules of other time zones may not be compiled in.
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            arrow_cast::cast(&array.slice(i, 1), &utc)
                .and_then(|one| array_value_to_string(&one, 0))
        }
        _ => array_value_to_string(array, i),
    };
    printable(&value.unwrap_or_default(), SHOWN)
}
