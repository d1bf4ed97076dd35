//! A table for people: a few rows, what is wide cut short.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;
use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::pretty::pretty_format_batches;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::Sink;
use super::place::Writer;

/// The longest text in a cell.
const WIDTH: usize = 60;
/// The items of a longer list that are shown.
const ITEMS: usize = 3;

pub struct Table {
    writer: Writer,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    pub fn new(writer: Writer, schema: &SchemaRef) -> Self {
        let fields = schema
            .fields()
            .iter()
            .map(|field| Field::new(field.name(), DataType::Utf8, true));
        Self {
            writer,
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            batches: Vec::new(),
        }
    }
}

impl Sink for Table {
    // Turned to text at once: the texts are short, the columns may not be.
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().map(|column| {
            let cells = (0..column.len()).map(|row| cell(column, row));
            Ok(Arc::new(StringArray::from(
                cells.collect::<Result<Vec<_>, ArrowError>>()?,
            )) as ArrayRef)
        });
        self.batches.push(RecordBatch::try_new(
            self.schema.clone(),
            columns.collect::<Result<_>>()?,
        )?);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.batches.is_empty() {
            self.batches
                .push(RecordBatch::new_empty(self.schema.clone()));
        }
        writeln!(self.writer, "{}", pretty_format_batches(&self.batches)?)?;
        Ok(self.writer.flush()?)
    }
}

/// One value, cut short.
pub fn cell(array: &ArrayRef, row: usize) -> Result<String, ArrowError> {
    if array.is_null(row) {
        return Ok("null".to_owned());
    }
    let items = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        DataType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
        DataType::Binary => return Ok(bytes(array.as_binary::<i32>().value(row).len())),
        DataType::LargeBinary => return Ok(bytes(array.as_binary::<i64>().value(row).len())),
        DataType::BinaryView => return Ok(bytes(array.as_binary_view().value(row).len())),
        DataType::Float32 => {
            return Ok(float(f64::from(
                array
                    .as_primitive::<arrow_array::types::Float32Type>()
                    .value(row),
            )));
        }
        DataType::Float64 => {
            return Ok(float(
                array
                    .as_primitive::<arrow_array::types::Float64Type>()
                    .value(row),
            ));
        }
        _ => {
            let text = ArrayFormatter::try_new(array, &FormatOptions::default())?
                .value(row)
                .try_to_string()?;
            return Ok(shorten(&text));
        }
    };
    // One more than is shown costs no more room than saying so.
    let shown = if items.len() <= ITEMS + 1 {
        items.len()
    } else {
        ITEMS
    };
    let mut texts = (0..shown)
        .map(|item| cell(&items, item))
        .collect::<Result<Vec<_>, _>>()?;
    if shown < items.len() {
        texts.push(format!("… {}", items.len()));
    }
    Ok(format!("[{}]", texts.join(", ")))
}

/// Floats in lists at the precision that people compare by eye.
fn float(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) {
        let text = format!("{value:.4}");
        let text = text.trim_end_matches('0');
        text.strip_suffix('.')
            .map_or_else(|| text.to_owned(), |whole| format!("{whole}.0"))
    } else {
        format!("{value:.3e}")
    }
}

fn bytes(length: usize) -> String {
    format!("<{}>", indicatif::BinaryBytes(length as u64))
}

fn shorten(text: &str) -> String {
    let text = text.replace(['\n', '\r', '\t'], " ");
    match text.char_indices().nth(WIDTH) {
        None => text,
        Some(_) => {
            // Paths and identifiers differ at their ends.
            let skip = text.chars().count() - (WIDTH - WIDTH / 2 - 1);
            let head: String = text.chars().take(WIDTH / 2).collect();
            let tail: String = text.chars().skip(skip).collect();
            format!("{head}…{tail}")
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Float32Type;
    use arrow_array::{BinaryArray, FixedSizeListArray};

    use super::*;

    #[test]
    fn wide_vectors_are_cut_short() {
        let wide = vec![Some(vec![Some(0.125f32); 2048]), None];
        let array: ArrayRef =
            Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(wide, 2048));
        assert_eq!(cell(&array, 0).unwrap(), "[0.125, 0.125, 0.125, … 2048]");
        assert_eq!(cell(&array, 1).unwrap(), "null");
    }

    #[test]
    fn long_texts_and_binaries_are_cut_short() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(200)]));
        assert_eq!(cell(&text, 0).unwrap().chars().count(), WIDTH);
        let binary: ArrayRef = Arc::new(BinaryArray::from(vec![&[0u8; 2048][..]]));
        assert_eq!(cell(&binary, 0).unwrap(), "<2.00 KiB>");
    }

    #[test]
    fn floats_are_short() {
        assert_eq!(float(1.0), "1.0");
        assert_eq!(float(0.43219), "0.4322");
        assert_eq!(float(-1.5e-9), "-1.500e-9");
    }
}
