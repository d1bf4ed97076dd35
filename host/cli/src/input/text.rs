//! CSV and NDJSON, whose columns and types are inferred from their first rows.

use std::io::{BufRead, Read as _};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::key_order::KeyOrder;
use super::{Batches, Bounds};
use crate::args::InputFormat;

/// How many rows the types are inferred from.
const SAMPLE: usize = 10_000;
/// And how many bytes.
const SAMPLE_BYTES: usize = 16 << 20;

/// The columns of text in one of the text formats.
pub fn infer(reader: impl BufRead, format: InputFormat) -> Result<Schema> {
    let schema = match format {
        InputFormat::Ndjson => {
            let sample = sample(reader)?;
            let schema = arrow_json::reader::infer_json_schema(sample.as_slice(), Some(SAMPLE))?.0;
            KeyOrder::of(&sample).apply(schema)
        }
        _ => csv_format(format).infer_schema(reader, Some(SAMPLE))?.0,
    };
    Ok(without_nulls(schema))
}

/// The first lines.
fn sample(mut reader: impl BufRead) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for _ in 0..SAMPLE {
        let ended = reader
            .by_ref()
            .take(SAMPLE_BYTES as u64)
            .read_until(b'\n', &mut lines)?
            == 0;
        if ended || lines.len() >= SAMPLE_BYTES {
            break;
        }
    }
    Ok(lines)
}

/// Reads text whose columns are known.
pub fn batches(
    reader: impl BufRead + Send + 'static,
    format: InputFormat,
    schema: SchemaRef,
    bounds: Bounds,
) -> Result<Batches> {
    // Text has no sizes to look up: a batch is some rows, cut by bytes once it is read.
    let rows = bounds.rows.min(1024);
    Ok(match format {
        InputFormat::Ndjson => {
            let reader = arrow_json::ReaderBuilder::new(schema)
                .with_batch_size(rows)
                .build(reader)?;
            Box::new(reader.map(|batch| batch.map_err(Into::into)))
        }
        _ => {
            let builder = arrow_csv::ReaderBuilder::new(schema)
                .with_format(csv_format(format))
                .with_batch_size(rows);
            let reader = builder.build_buffered(reader)?;
            Box::new(reader.map(|batch| batch.map_err(Into::into)))
        }
    })
}

/// The columns that hold the rows of both files: integers and floats become floats, and what differs otherwise strings.
pub fn unify(one: &Schema, other: &Schema) -> Option<Schema> {
    let same_names = one.fields().len() == other.fields().len()
        && one
            .fields()
            .iter()
            .zip(other.fields())
            .all(|(a, b)| a.name() == b.name());
    if !same_names {
        return None;
    }
    let fields: Option<Vec<Field>> = one
        .fields()
        .iter()
        .zip(other.fields())
        .map(|(a, b)| {
            let ty = match (a.data_type(), b.data_type()) {
                (a, b) if a == b => a.clone(),
                (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
                    DataType::Float64
                }
                (a, b) if a.is_nested() || b.is_nested() => return None,
                _ => DataType::Utf8,
            };
            Some(Field::new(a.name(), ty, true))
        })
        .collect();
    fields.map(Schema::new)
}

fn csv_format(format: InputFormat) -> arrow_csv::reader::Format {
    let delimiter = if format == InputFormat::Tsv {
        b'\t'
    } else {
        b','
    };
    arrow_csv::reader::Format::default()
        .with_header(true)
        .with_delimiter(delimiter)
}

/// A column without a value in the sample is one of strings: anything may follow.
fn without_nulls(schema: Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Null => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
        _ => field.clone(),
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// The first bytes of a reader, up to `length`, and the reader as it was.
pub fn peek<R: BufRead>(mut reader: R, length: usize) -> Result<(Vec<u8>, impl BufRead + use<R>)> {
    let mut head = Vec::new();
    reader
        .by_ref()
        .take(length as u64)
        .read_to_end(&mut head)
        .context("cannot read")?;
    let whole = std::io::Cursor::new(head.clone()).chain(reader);
    Ok((head, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_unified_over_files() {
        let schema = |ty| Schema::new(vec![Field::new("a", ty, true)]);
        let ty = |one, other| {
            unify(&schema(one), &schema(other)).map(|s| s.field(0).data_type().clone())
        };
        assert_eq!(
            ty(DataType::Int64, DataType::Float64),
            Some(DataType::Float64)
        );
        assert_eq!(ty(DataType::Int64, DataType::Utf8), Some(DataType::Utf8));
        assert_eq!(
            ty(DataType::Int64, DataType::new_list(DataType::Int64, true)),
            None
        );
        assert_eq!(unify(&schema(DataType::Int64), &Schema::empty()), None);
    }

    #[test]
    fn a_column_without_values_is_one_of_strings() {
        let schema = infer("a,b\n1,\n2,\n".as_bytes(), InputFormat::Csv).unwrap();
        assert_eq!(schema.field(1).data_type(), &DataType::Utf8);
    }
}
