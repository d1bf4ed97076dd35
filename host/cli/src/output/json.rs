//! NDJSON, JSON, and values as JSON text.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::writer::{
    EncoderOptions, JsonArray, LineDelimited, Writer as JsonWriter, WriterBuilder, make_encoder,
};
use arrow_schema::{DataType, FieldRef};

use super::Sink;
use super::place::Writer;

pub struct Ndjson(JsonWriter<Writer, LineDelimited>);

impl Ndjson {
    pub fn new(writer: Writer) -> Self {
        // Every row has every name, so that readers that infer columns find them.
        Self(WriterBuilder::new().with_explicit_nulls(true).build(writer))
    }
}

impl Sink for Ndjson {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        check(batch)?;
        Ok(self.0.write(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.0.finish()?;
        Ok(self.0.get_mut().flush()?)
    }
}

/// One array of all rows.
pub struct Json(JsonWriter<Writer, JsonArray>);

impl Json {
    pub fn new(writer: Writer) -> Self {
        Self(WriterBuilder::new().with_explicit_nulls(true).build(writer))
    }
}

impl Sink for Json {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        check(batch)?;
        Ok(self.0.write(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.0.finish()?;
        writeln!(self.0.get_mut())?;
        Ok(self.0.get_mut().flush()?)
    }
}

/// Checks that each value has a text: arrow-json writes its error in place of one that has none.
fn check(batch: &RecordBatch) -> Result<()> {
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        check_column(column).with_context(|| {
            let name = field.name();
            format!("the column {name} has a value that cannot be written as text: write .parquet or .arrow, or --drop {name}")
        })?;
    }
    Ok(())
}

fn check_column(array: &ArrayRef) -> Result<()> {
    use DataType::*;
    match array.data_type() {
        Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) | Duration(_) | Interval(_) => {
            let options = FormatOptions::default().with_display_error(false);
            let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
            for row in (0..array.len()).filter(|&row| array.is_valid(row)) {
                formatter.value(row).write(&mut Nowhere)?;
            }
            Ok(())
        }
        Struct(_) => array
            .as_struct()
            .columns()
            .iter()
            .try_for_each(check_column),
        List(_) => check_column(array.as_list::<i32>().values()),
        LargeList(_) => check_column(array.as_list::<i64>().values()),
        FixedSizeList(..) => check_column(array.as_fixed_size_list().values()),
        Map(..) => check_column(array.as_map().values()),
        Dictionary(..) => check_column(array.as_any_dictionary().values()),
        _ => Ok(()),
    }
}

/// Takes texts that nobody reads.
struct Nowhere;

impl std::fmt::Write for Nowhere {
    fn write_str(&mut self, _: &str) -> std::fmt::Result {
        Ok(())
    }
}

/// Each value as JSON text.
pub fn to_text(field: &FieldRef, array: &ArrayRef) -> Result<ArrayRef> {
    check_column(array).with_context(|| format!("the column {}", field.name()))?;
    let options = EncoderOptions::default();
    let mut encoder = make_encoder(field, array.as_ref(), &options)?;
    let mut texts: Vec<Option<String>> = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        texts.push(if encoder.is_null(row) {
            None
        } else {
            let mut text = Vec::new();
            encoder.encode(row, &mut text);
            Some(String::from_utf8(text)?)
        });
    }
    Ok(Arc::new(StringArray::from(texts)))
}
