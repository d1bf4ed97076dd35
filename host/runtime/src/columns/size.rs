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
            DataType::FixedSizeBinary(n) => Self::Fixed(usize::try_from(*n).unwrap_or(0)),
            ty => match ty.primitive_width() {
                Some(width) => Self::Fixed(width),
                None => Self::Fixed(
                    dictionary_value(array)
                        .unwrap_or_else(|| weight(array).div_ceil(array.len().max(1))),
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

/// What an array's values weigh; of a slice, only its own, and of its children
/// only what they reach.
fn weight(array: &ArrayRef) -> usize {
    let len = array.len();
    let items = |items: &ArrayRef, from: usize, to: usize| weight(&items.slice(from, to - from));
    let of = |offsets: &[i32]| (usize::try_from(offsets[0]), usize::try_from(offsets[len]));
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            match of(list.value_offsets()) {
                (Ok(from), Ok(to)) => len * 4 + items(list.values(), from, to),
                _ => 0,
            }
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let offsets = list.value_offsets();
            match (usize::try_from(offsets[0]), usize::try_from(offsets[len])) {
                (Ok(from), Ok(to)) => len * 8 + items(list.values(), from, to),
                _ => 0,
            }
        }
        DataType::Map(..) => {
            let map = array.as_map();
            match of(map.value_offsets()) {
                (Ok(from), Ok(to)) => {
                    let columns = map.entries().columns().iter();
                    len * 4 + columns.map(|column| items(column, from, to)).sum::<usize>()
                }
                _ => 0,
            }
        }
        // These are sliced with what they are made of.
        DataType::FixedSizeList(..) => weight(array.as_fixed_size_list().values()),
        DataType::Struct(_) => array.as_struct().columns().iter().map(weight).sum(),
        DataType::Boolean => len.div_ceil(8),
        DataType::FixedSizeBinary(n) => usize::try_from(*n).unwrap_or(0) * len,
        ty => match ty.primitive_width() {
            Some(width) => width * len,
            None => array
                .to_data()
                .get_slice_memory_size()
                .unwrap_or_else(|_| array.get_buffer_memory_size()),
        },
    }
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
