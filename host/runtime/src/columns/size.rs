//! How many bytes rows weigh, so that a batch can be cut by them.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// Bytes of each row's value as a running total is wanted of them: exact for
/// binary and text, an average for nested types.
pub(crate) enum RowSizes<'a> {
    /// Every row weighs the same.
    Fixed(usize),
    /// 32-bit offsets.
    Offsets(&'a [i32]),
    /// 64-bit offsets.
    LargeOffsets(&'a [i64]),
    /// Views, whose low half is the length.
    Views(&'a [u128]),
}

impl<'a> RowSizes<'a> {
    pub(crate) fn of(array: &'a ArrayRef) -> Self {
        match array.data_type() {
            DataType::Utf8 => Self::Offsets(array.as_string::<i32>().value_offsets()),
            DataType::Binary => Self::Offsets(array.as_binary::<i32>().value_offsets()),
            DataType::LargeUtf8 => Self::LargeOffsets(array.as_string::<i64>().value_offsets()),
            DataType::LargeBinary => Self::LargeOffsets(array.as_binary::<i64>().value_offsets()),
            DataType::Utf8View => Self::Views(array.as_string_view().views()),
            DataType::BinaryView => Self::Views(array.as_binary_view().views()),
            ty => match ty.primitive_width() {
                Some(width) => Self::Fixed(width),
                None => Self::Fixed(
                    dictionary_value(array)
                        .unwrap_or_else(|| nested(array).div_ceil(array.len().max(1))),
                ),
            },
        }
    }

    /// What `rows` rows from this one weigh in all, where that is known without
    /// looking at each.
    pub(crate) fn rows(&self, row: usize, rows: usize) -> Option<usize> {
        match self {
            Self::Fixed(n) => n.checked_mul(rows),
            Self::Offsets(o) => usize::try_from(o[row + rows] - o[row]).ok(),
            Self::LargeOffsets(o) => usize::try_from(o[row + rows] - o[row]).ok(),
            Self::Views(_) => None,
        }
    }

    pub(crate) fn row(&self, row: usize) -> usize {
        match self {
            Self::Fixed(n) => *n,
            Self::Offsets(o) => usize::try_from(o[row + 1] - o[row]).unwrap_or(0),
            Self::LargeOffsets(o) => usize::try_from(o[row + 1] - o[row]).unwrap_or(0),
            #[allow(
                clippy::cast_possible_truncation,
                reason = "a view's length is its low 32 bits"
            )]
            Self::Views(v) => v[row] as u32 as usize,
        }
    }
}

/// What the values of a nested array weigh; of a slice, only its own.
fn nested(array: &ArrayRef) -> usize {
    let whole = |_| array.get_buffer_memory_size();
    array
        .to_data()
        .get_slice_memory_size()
        .unwrap_or_else(whole)
}

/// The mean weight of a dictionary's values, for rows that each unfold to one.
fn dictionary_value(array: &ArrayRef) -> Option<usize> {
    let values = array.as_any_dictionary_opt()?.values();
    let bytes = match values.data_type() {
        DataType::Utf8 => span(values.as_string::<i32>().value_offsets()),
        DataType::Binary => span(values.as_binary::<i32>().value_offsets()),
        _ => values.get_buffer_memory_size(),
    };
    Some(bytes.div_ceil(values.len().max(1)))
}

fn span(offsets: &[i32]) -> usize {
    match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => usize::try_from(last - first).unwrap_or(0),
        _ => 0,
    }
}
