//! Tables for the program to read, and what it wrote.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_select::concat::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A table of these columns, all of which may be null.
///
/// # Panics
/// When the columns differ in length.
pub fn table<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    let columns = columns.map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).expect("the columns have one length")
}

/// Writes a table to a Parquet file of one row group.
///
/// # Panics
/// When that fails.
pub fn write_parquet(path: &Path, table: &RecordBatch) {
    let file = File::create(path).expect("the file can be made");
    let mut writer =
        ArrowWriter::try_new(file, table.schema(), None).expect("the columns can be written");
    writer.write(table).expect("the rows can be written");
    writer.close().expect("the file can be completed");
}

/// All rows of a Parquet file.
///
/// # Panics
/// When it cannot be read.
pub fn read_parquet(path: &Path) -> RecordBatch {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("it is Parquet");
    let schema = reader.schema().clone();
    let batches = reader
        .build()
        .expect("it has rows")
        .collect::<Result<Vec<_>, _>>();
    concat_batches(&schema, &batches.expect("its rows can be read")).expect("they have one schema")
}

/// A column of a table.
///
/// # Panics
/// When there is none of the name.
pub fn column<'a>(table: &'a RecordBatch, name: &str) -> &'a ArrayRef {
    let found = table.column_by_name(name);
    found.unwrap_or_else(|| panic!("no column {name} in {:?}", table.schema()))
}

/// The strings of a column.
pub fn texts(table: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = column(table, name).as_string::<i32>();
    column.iter().map(|text| text.map(str::to_owned)).collect()
}

/// The vectors of a column, lists of any kind.
///
/// # Panics
/// When the column holds something else.
pub fn vectors(table: &RecordBatch, name: &str) -> Vec<Option<Vec<f32>>> {
    let column = column(table, name);
    let row = |row| {
        let values = match column.as_fixed_size_list_opt() {
            Some(lists) => lists.value(row),
            None => column.as_list::<i32>().value(row),
        };
        values.as_primitive::<Float32Type>().values().to_vec()
    };
    (0..column.len())
        .map(|at| column.is_valid(at).then(|| row(at)))
        .collect()
}

/// An array as a column.
pub fn arc(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}
