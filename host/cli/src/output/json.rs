//! NDJSON, JSON, and values as JSON text.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_json::writer::{
    EncoderOptions, JsonArray, LineDelimited, Writer as JsonWriter, WriterBuilder, make_encoder,
};
use arrow_schema::FieldRef;

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
        Ok(self.0.write(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.0.finish()?;
        writeln!(self.0.get_mut())?;
        Ok(self.0.get_mut().flush()?)
    }
}

/// Each value as JSON text.
pub fn to_text(field: &FieldRef, array: &ArrayRef) -> Result<ArrayRef> {
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
