//! The size of rows, and batches cut by it.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{BinaryType, ByteArrayType, LargeBinaryType, LargeUtf8Type, Utf8Type};
use arrow_array::{Array, GenericByteArray, RecordBatch};
use arrow_schema::DataType;

use super::Bounds;

/// Cuts a batch into slices within `bounds`. A row larger than that comes alone.
pub fn split(batch: RecordBatch, bounds: Bounds) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    let sizes = row_sizes(&batch);
    if rows <= bounds.rows && sizes.iter().sum::<usize>() <= bounds.bytes {
        return if rows == 0 { Vec::new() } else { vec![batch] };
    }
    let mut slices = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (row, size) in sizes.into_iter().enumerate() {
        if row > start && (row - start == bounds.rows || bytes + size > bounds.bytes) {
            slices.push(batch.slice(start, row - start));
            (start, bytes) = (row, 0);
        }
        bytes += size;
    }
    slices.push(batch.slice(start, rows - start));
    slices
}

/// The bytes that each row takes: strings and binaries exactly, the rest on average.
fn row_sizes(batch: &RecordBatch) -> Vec<usize> {
    let mut sizes = vec![0; batch.num_rows()];
    for column in batch.columns() {
        add_sizes(column, &mut sizes);
    }
    sizes
}

fn add_sizes(array: &dyn Array, sizes: &mut [usize]) {
    match array.data_type() {
        DataType::Binary => add_lengths::<BinaryType>(array.as_bytes(), sizes),
        DataType::LargeBinary => add_lengths::<LargeBinaryType>(array.as_bytes(), sizes),
        DataType::Utf8 => add_lengths::<Utf8Type>(array.as_bytes(), sizes),
        DataType::LargeUtf8 => add_lengths::<LargeUtf8Type>(array.as_bytes(), sizes),
        DataType::BinaryView => {
            let views = array.as_binary_view();
            sizes
                .iter_mut()
                .zip(views.lengths())
                .for_each(|(size, length)| *size += length as usize);
        }
        DataType::Utf8View => {
            let views = array.as_string_view();
            sizes
                .iter_mut()
                .zip(views.lengths())
                .for_each(|(size, length)| *size += length as usize);
        }
        DataType::Struct(_) => array
            .as_struct()
            .columns()
            .iter()
            .for_each(|child| add_sizes(child, sizes)),
        _ => {
            let bytes = array.to_data().get_slice_memory_size().unwrap_or(0);
            let mean = bytes.div_ceil(sizes.len().max(1));
            sizes.iter_mut().for_each(|size| *size += mean);
        }
    }
}

fn add_lengths<T: ByteArrayType>(array: &GenericByteArray<T>, sizes: &mut [usize]) {
    sizes
        .iter_mut()
        .zip(array.offsets().lengths())
        .for_each(|(size, length)| *size += length);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BinaryArray, Int64Array};

    use super::*;

    fn batch(sizes: &[usize]) -> RecordBatch {
        let blobs: BinaryArray = sizes.iter().map(|&n| Some(vec![0u8; n])).collect();
        let numbers = Int64Array::from_iter_values(0..sizes.len() as i64);
        RecordBatch::try_from_iter([
            ("n", Arc::new(numbers) as ArrayRef),
            ("content", Arc::new(blobs) as ArrayRef),
        ])
        .unwrap()
    }

    fn rows(slices: &[RecordBatch]) -> Vec<usize> {
        slices.iter().map(RecordBatch::num_rows).collect()
    }

    #[test]
    fn batches_are_cut_by_bytes() {
        let bounds = Bounds {
            rows: 100,
            bytes: 1000,
        };
        assert_eq!(
            rows(&split(batch(&[400, 400, 400, 5000, 10, 10]), bounds)),
            [2, 1, 1, 2]
        );
    }

    #[test]
    fn batches_are_cut_by_rows() {
        let bounds = Bounds {
            rows: 4,
            bytes: 1 << 20,
        };
        let slices = split(batch(&[1; 10]), bounds);
        assert_eq!(rows(&slices), [4, 4, 2]);
        let numbers: Vec<i64> = slices
            .iter()
            .flat_map(|b| {
                b.column(0)
                    .as_primitive::<arrow_array::types::Int64Type>()
                    .values()
                    .to_vec()
            })
            .collect();
        assert_eq!(numbers, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn small_batches_stay_whole_and_empty_ones_vanish() {
        assert_eq!(rows(&split(batch(&[1, 2]), Bounds::default())), [2]);
        assert!(split(batch(&[]), Bounds::default()).is_empty());
    }
}
