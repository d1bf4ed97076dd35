//! How many bytes rows weigh, so that a batch can be cut by them.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int32Type, Int64Type, RunEndIndexType};
use arrow_array::{Array, ArrayRef, downcast_integer_array};
use arrow_buffer::ArrowNativeType as _;
use arrow_schema::DataType;

/// Bytes of each row's value as a running total is wanted of them: exact for
/// binary and text, also where a dictionary or runs hold them, an average for nested
/// types.
pub(crate) enum RowSizes<'a> {
    /// Every row weighs the same.
    Fixed(usize),
    /// 32-bit offsets.
    Offsets(&'a [i32]),
    /// 64-bit offsets.
    LargeOffsets(&'a [i64]),
    /// Views, whose low half is the length.
    Views(&'a [u128]),
    /// Values that rows share, and which of them a row has. Each row unfolds to its own.
    Shared(Box<RowSizes<'a>>, usize, Box<dyn Fn(usize) -> usize + 'a>),
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
            DataType::Dictionary(..) => dictionary(array).unwrap_or_else(|| Self::mean(array)),
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => runs::<Int16Type>(array),
                DataType::Int32 => runs::<Int32Type>(array),
                _ => runs::<Int64Type>(array),
            }
            .unwrap_or_else(|| Self::mean(array)),
            ty => match ty.primitive_width() {
                Some(width) => Self::Fixed(width),
                None => Self::mean(array),
            },
        }
    }

    fn mean(array: &ArrayRef) -> Self {
        Self::Fixed(weight(array).div_ceil(array.len().max(1)))
    }

    /// What `rows` rows from this one weigh in all, where that is known without
    /// looking at each.
    pub(crate) fn rows(&self, row: usize, rows: usize) -> Option<usize> {
        match self {
            Self::Fixed(n) => n.checked_mul(rows),
            Self::Offsets(o) => usize::try_from(o[row + rows] - o[row]).ok(),
            Self::LargeOffsets(o) => usize::try_from(o[row + rows] - o[row]).ok(),
            Self::Shared(values, ..) => match **values {
                Self::Fixed(n) => n.checked_mul(rows),
                _ => None,
            },
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
            Self::Shared(values, len, at) => match at(row) {
                // A null's key may be anything.
                value if value < *len => values.row(value),
                _ => 0,
            },
        }
    }
}

/// Bytes of an array's values: of text and binary each row's own, wherever they lie.
pub(crate) fn of_values(array: &ArrayRef) -> usize {
    let rows = array.len();
    match RowSizes::of(array) {
        RowSizes::Fixed(_) => weight(array),
        sizes => sizes.rows(0, rows).unwrap_or_else(|| {
            let rows = (0..rows).map(|row| sizes.row(row));
            rows.fold(0, usize::saturating_add)
        }),
    }
}

fn dictionary(array: &ArrayRef) -> Option<RowSizes<'_>> {
    let dictionary = array.as_any_dictionary_opt()?;
    let (keys, values) = (dictionary.keys(), dictionary.values());
    let key: Box<dyn Fn(usize) -> usize + '_> = downcast_integer_array!(
        keys => Box::new(move |row| keys.value(row).as_usize()),
        _ => return None
    );
    let sizes = Box::new(RowSizes::of(values));
    Some(RowSizes::Shared(sizes, values.len(), key))
}

fn runs<R: RunEndIndexType>(array: &ArrayRef) -> Option<RowSizes<'_>> {
    let runs = array.as_run_opt::<R>()?;
    let sizes = Box::new(RowSizes::of(runs.values()));
    let run = Box::new(move |row| runs.get_physical_index(row));
    Some(RowSizes::Shared(sizes, runs.values().len(), run))
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
        // Unfolded: a short column of these may stand for very much.
        DataType::Dictionary(..) | DataType::RunEndEncoded(..) if len > 0 => {
            let sizes = RowSizes::of(array);
            let rows = (0..len).map(|row| sizes.row(row));
            rows.fold(0, usize::saturating_add)
        }
        ty => match ty.primitive_width() {
            Some(width) => width * len,
            None => array
                .to_data()
                .get_slice_memory_size()
                .unwrap_or_else(|_| array.get_buffer_memory_size()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{DictionaryArray, Int8Array, Int32Array, RunArray, StringArray};

    use super::*;

    /// A long value among short ones, which all rows but one have.
    fn values() -> StringArray {
        StringArray::from_iter_values(["a".to_owned(), "x".repeat(1_000_000)])
    }

    #[test]
    fn values_that_rows_share_weigh_in_each() {
        let keys = Int8Array::from(vec![Some(0), Some(1), None, Some(1)]);
        let shared: ArrayRef = Arc::new(DictionaryArray::new(keys, Arc::new(values())));
        let sizes = RowSizes::of(&shared);
        assert_eq!(
            [0, 1, 3].map(|row| sizes.row(row)),
            [1, 1_000_000, 1_000_000]
        );
        let slice = shared.slice(3, 1);
        assert_eq!(RowSizes::of(&slice).row(0), 1_000_000);

        let ends = Int32Array::from(vec![2, 100]);
        let runs: ArrayRef = Arc::new(RunArray::try_new(&ends, &values()).unwrap());
        let sizes = RowSizes::of(&runs);
        assert_eq!(
            [0, 1, 2, 99].map(|row| sizes.row(row)),
            [1, 1, 1_000_000, 1_000_000]
        );
        let slice = runs.slice(1, 2);
        let sizes = RowSizes::of(&slice);
        assert_eq!([0, 1].map(|row| sizes.row(row)), [1, 1_000_000]);
        assert_eq!(weight(&slice), 1_000_001);
        assert_eq!(of_values(&slice), 1_000_001);
        // The null has a key, too: that of the short value.
        assert_eq!(of_values(&shared), 2_000_002);
    }
}
