//! Parquet files, a bounded number of bytes at a time.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ProjectionMask};
use parquet::basic::Type;
use parquet::file::metadata::RowGroupMetaData;

use super::{Batches, Bounds};

/// The columns and the number of rows.
pub fn probe(path: &Path) -> Result<(SchemaRef, u64)> {
    let metadata = ArrowReaderMetadata::load(&File::open(path)?, ArrowReaderOptions::new())?;
    let rows = metadata.metadata().file_metadata().num_rows();
    Ok((
        metadata.schema().clone(),
        u64::try_from(rows).context("a negative number of rows")?,
    ))
}

/// Reads some columns row group by row group, each with as many rows at a time as its mean row size allows: a row group may be larger
/// than memory.
pub fn batches(path: &Path, wanted: &[usize], bounds: Bounds) -> Result<Batches> {
    let file = File::open(path)?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    for &column in wanted {
        check(&metadata, column)?;
    }
    let groups = metadata.metadata().num_row_groups();
    let columns = ProjectionMask::roots(metadata.parquet_schema(), wanted.iter().copied());
    let readers = (0..groups).map(move |group| {
        let rows = batch_rows(metadata.metadata().row_group(group), &columns, bounds);
        Ok(
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, metadata.clone())
                .with_row_groups(vec![group])
                .with_batch_size(rows)
                .with_projection(columns.clone())
                .build()?,
        )
    });
    Ok(Box::new(readers.flat_map(|reader: Result<_>| -> Batches {
        match reader {
            Ok(reader) => Box::new(reader.map(|batch| batch.map_err(Into::into))),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    })))
}

/// Refuses a column of which the reader loses something: intervals that Arrow did not write have months, days and
/// milliseconds, and it takes two of them.
fn check(metadata: &ArrowReaderMetadata, column: usize) -> Result<()> {
    let file = metadata.metadata().file_metadata();
    let by_arrow = file
        .key_value_metadata()
        .is_some_and(|pairs| pairs.iter().any(|pair| pair.key == ARROW_SCHEMA_META_KEY));
    let field = metadata.schema().field(column);
    ensure!(
        by_arrow || !matches!(field.data_type(), DataType::Interval(_)),
        "the column {name} has intervals, whose months would be lost: --drop {name}, or write it as text first",
        name = field.name()
    );
    Ok(())
}

fn batch_rows(group: &RowGroupMetaData, wanted: &ProjectionMask, bounds: Bounds) -> usize {
    let rows = group.num_rows().max(1);
    let mut bytes: i64 = 0;
    let mut unknown = false;
    let columns = group.columns().iter().enumerate();
    for (_, column) in columns.filter(|(leaf, _)| wanted.leaf_included(*leaf)) {
        // A dictionary's values are stored once and read many times. Newer writers note the size as read.
        let as_read = column.unencoded_byte_array_data_bytes();
        unknown |= as_read.is_none()
            && column.column_type() == Type::BYTE_ARRAY
            && column.dictionary_page_offset().is_some();
        bytes = bytes.saturating_add(column.uncompressed_size().max(as_read.unwrap_or(0)));
    }
    let mean = usize::try_from(bytes / rows).unwrap_or(usize::MAX).max(1);
    let by_bytes = (bounds.bytes / mean).clamp(1, bounds.rows);
    // Half a gigabyte at worst, where the values of a dictionary have its usual limit of a mebibyte.
    if unknown { by_bytes.min(512) } else { by_bytes }
}
