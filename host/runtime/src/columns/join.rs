//! The results of a batch, in parts, as one array.

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// One array of all rows, in order.
///
/// # Errors
/// For people, when there is more of something than the offsets of the type can count:
/// arrow panics at that in lists.
pub(crate) fn join(parts: &[ArrayRef]) -> Result<ArrayRef, String> {
    if let [one] = parts {
        return Ok(one.clone());
    }
    let too_many = |what: &str| {
        format!(
            "the results of one batch do not fit in one array ({what}): pass fewer rows at a time"
        )
    };
    if !fits(parts) {
        return Err(too_many("more than 32-bit offsets count"));
    }
    let arrays: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
    arrow_select::concat::concat(&arrays).map_err(|e| too_many(&e.to_string()))
}

/// Bytes that an array holds. Items of lists count a bit each, were they of no bytes.
pub(crate) fn size(array: &dyn Array) -> usize {
    array
        .get_buffer_memory_size()
        .saturating_add(items(array) / 8)
}

/// How many items there are below lists.
fn items(array: &dyn Array) -> usize {
    let below = |child: &ArrayRef| child.len().saturating_add(items(child));
    match array.data_type() {
        DataType::List(_) => below(array.as_list::<i32>().values()),
        DataType::LargeList(_) => below(array.as_list::<i64>().values()),
        DataType::Map(..) => items(array.as_map().entries()),
        DataType::FixedSizeList(..) => below(array.as_fixed_size_list().values()),
        DataType::Struct(_) => array
            .as_struct()
            .columns()
            .iter()
            .fold(0, |sum, child| sum.saturating_add(items(child))),
        _ => 0,
    }
}

/// Whether the offsets of all levels can count what the arrays have together.
fn fits(arrays: &[ArrayRef]) -> bool {
    let Some(first) = arrays.first() else {
        return true;
    };
    let children = |of: &dyn Fn(&ArrayRef) -> ArrayRef| arrays.iter().map(of).collect::<Vec<_>>();
    match first.data_type() {
        DataType::Utf8 => counts(arrays.iter().map(|a| a.as_string::<i32>().value_offsets())),
        DataType::Binary => counts(arrays.iter().map(|a| a.as_binary::<i32>().value_offsets())),
        DataType::List(_) => {
            counts(arrays.iter().map(|a| a.as_list::<i32>().value_offsets()))
                && fits(&children(&|a| a.as_list::<i32>().values().clone()))
        }
        DataType::LargeList(_) => fits(&children(&|a| a.as_list::<i64>().values().clone())),
        DataType::Map(..) => {
            counts(arrays.iter().map(|a| a.as_map().value_offsets()))
                && (0..2).all(|n| fits(&children(&|a| a.as_map().entries().column(n).clone())))
        }
        DataType::FixedSizeList(..) => {
            fits(&children(&|a| a.as_fixed_size_list().values().clone()))
        }
        DataType::Struct(fields) => {
            (0..fields.len()).all(|n| fits(&children(&|a| a.as_struct().column(n).clone())))
        }
        _ => true,
    }
}

fn counts<'a>(offsets: impl Iterator<Item = &'a [i32]>) -> bool {
    let spans = offsets.map(|offsets| match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => i64::from(*last) - i64::from(*first),
        _ => 0,
    });
    spans.sum::<i64>() <= i64::from(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{FixedSizeListArray, ListArray, StructArray};
    use arrow_buffer::OffsetBuffer;
    use arrow_schema::{Field, Fields};

    use super::*;

    /// One list of as many items as 32 bits count, which take no memory.
    fn endless() -> ArrayRef {
        let items = StructArray::new_empty_fields(i32::MAX as usize, None);
        let item = Arc::new(Field::new("item", DataType::Struct(Fields::empty()), true));
        let offsets = OffsetBuffer::new(vec![0, i32::MAX].into());
        Arc::new(ListArray::new(item, offsets, Arc::new(items), None))
    }

    #[test]
    fn more_than_offsets_count_is_an_error_at_every_depth() {
        let one = endless();
        assert_eq!(join(std::slice::from_ref(&one)).unwrap().len(), 1);
        let error = join(&[one.clone(), one.clone()]).unwrap_err();
        assert!(error.contains("pass fewer rows"), "{error}");

        let field = Arc::new(Field::new("item", one.data_type().clone(), true));
        let wrapped: ArrayRef = Arc::new(FixedSizeListArray::new(field, 1, one, None));
        assert!(join(&[wrapped.clone(), wrapped]).is_err());
    }

    #[test]
    fn items_of_no_bytes_weigh_something() {
        assert!(size(&endless()) >= i32::MAX as usize / 8);
    }
}
