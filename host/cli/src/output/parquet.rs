//! Parquet.

use std::io::Write as _;

use anyhow::Result;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, Type};
use parquet::file::properties::WriterProperties;

use super::Sink;
use super::place::Writer;

/// The size at which a row group ends: it is kept in memory up to there.
const ROW_GROUP_BYTES: usize = 64 << 20;

pub struct Parquet(ArrowWriter<Writer>);

impl Parquet {
    pub fn new(writer: Writer, schema: &SchemaRef) -> Result<Self> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("wudf {}", env!("CARGO_PKG_VERSION")));
        // A dictionary of floats is never worth its hashing.
        for column in ArrowSchemaConverter::new().convert(schema)?.columns() {
            if matches!(column.physical_type(), Type::FLOAT | Type::DOUBLE) {
                properties = properties.set_column_dictionary_enabled(column.path().clone(), false);
            }
        }
        // Pages end only between such batches; pictures make large pages of few rows.
        let wide = |ty: &DataType| {
            matches!(
                ty,
                DataType::Binary | DataType::LargeBinary | DataType::BinaryView
            )
        };
        if schema.fields().iter().any(|field| wide(field.data_type())) {
            properties = properties.set_write_batch_size(16);
        }
        Ok(Self(ArrowWriter::try_new(
            writer,
            schema.clone(),
            Some(properties.build()),
        )?))
    }
}

impl Sink for Parquet {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.0.write(batch)?;
        if self.0.in_progress_size() >= ROW_GROUP_BYTES {
            self.0.flush()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.0.finish()?;
        Ok(self.0.inner_mut().flush()?)
    }
}
