//! CSV and TSV; lists and structs as JSON text.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::place::Writer;
use super::{Sink, json};

pub struct Csv {
    writer: arrow_csv::Writer<Writer>,
    schema: SchemaRef,
    began: bool,
}

impl Csv {
    pub fn new(writer: Writer, schema: &SchemaRef, delimiter: u8) -> Self {
        let fields = schema.fields().iter().map(|field| {
            if field.data_type().is_nested() {
                Arc::new(Field::new(field.name(), DataType::Utf8, true))
            } else {
                field.clone()
            }
        });
        Self {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            writer: arrow_csv::WriterBuilder::new()
                .with_delimiter(delimiter)
                .build(writer),
            began: false,
        }
    }
}

impl Sink for Csv {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let fields = batch.schema_ref().fields().iter().zip(batch.columns());
        let columns = fields.map(|(field, column)| {
            if field.data_type().is_nested() {
                json::to_text(field, column)
            } else {
                Ok(column.clone())
            }
        });
        let batch = RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_>>()?)?;
        self.began = true;
        Ok(self.writer.write(&batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if !self.began {
            // The header comes with the first batch, and is due without one.
            self.writer
                .write(&RecordBatch::new_empty(self.schema.clone()))?;
        }
        Ok(self.writer.into_inner().flush()?)
    }
}
