//! Parquet.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use arrow_array::{Array as _, RecordBatch, RecordBatchOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, IntervalUnit, Schema, SchemaRef, TimeUnit};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::place::Writer;
use super::{ParquetOptions, Sink};

/// The size at which a row group ends: it is kept in memory up to there.
const ROW_GROUP_BYTES: usize = 64 << 20;

pub struct Parquet {
    writer: ArrowWriter<Writer>,
    /// The columns in the types that Parquet has.
    schema: SchemaRef,
}

impl Parquet {
    pub fn new(writer: Writer, schema: &SchemaRef, options: ParquetOptions) -> Result<Self> {
        let fields = schema.fields().iter().map(|field| {
            let name = field.name();
            written(field)
                .with_context(|| format!("the column {name}: --drop {name}, or write .arrow"))
        });
        let fields = fields.collect::<Result<Vec<_>>>()?;
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let mut properties = WriterProperties::builder()
            .set_compression(options.compression.unwrap_or(Compression::SNAPPY))
            .set_created_by(format!("wudf {}", env!("CARGO_PKG_VERSION")));
        if let Some(rows) = options.row_group_rows {
            properties = properties.set_max_row_group_row_count(Some(rows.get()));
        }
        // What pandas, GeoParquet and others say of the table.
        let mut metadata: Vec<KeyValue> = schema
            .metadata()
            .iter()
            .filter(|(key, _)| *key != ARROW_SCHEMA_META_KEY)
            .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
            .collect();
        metadata.sort_by(|one, other| one.key.cmp(&other.key));
        if !metadata.is_empty() {
            properties = properties.set_key_value_metadata(Some(metadata));
        }
        // A dictionary of floats is never worth its hashing.
        for column in ArrowSchemaConverter::new().convert(&schema)?.columns() {
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
        let writer = ArrowWriter::try_new(writer, schema.clone(), Some(properties.build()))?;
        Ok(Self { writer, schema })
    }
}

/// The column as Parquet can hold it so that every reader finds the same: seconds and dates of milliseconds would be
/// integers to all but Arrow.
fn written(field: &FieldRef) -> Result<FieldRef> {
    use DataType::*;
    let ty = match field.data_type() {
        Timestamp(TimeUnit::Second, zone) => Timestamp(TimeUnit::Millisecond, zone.clone()),
        Time32(TimeUnit::Second) => Time32(TimeUnit::Millisecond),
        Date64 => Date32,
        Dictionary(key, value) => match value.as_ref() {
            Utf8View => Dictionary(key.clone(), Box::new(Utf8)),
            BinaryView => Dictionary(key.clone(), Box::new(Binary)),
            _ => return Ok(Arc::clone(field)),
        },
        Union(..) => bail!("Parquet has no unions"),
        Interval(IntervalUnit::MonthDayNano) => {
            bail!("intervals of months and nanoseconds do not fit those of Parquet")
        }
        Struct(fields) if fields.is_empty() => bail!("Parquet has no structs without fields"),
        Struct(fields) => Struct(fields.iter().map(written).collect::<Result<_>>()?),
        List(item) => List(written(item)?),
        LargeList(item) => LargeList(written(item)?),
        FixedSizeList(item, length) => FixedSizeList(written(item)?, *length),
        Map(entries, sorted) => Map(written(entries)?, *sorted),
        _ => return Ok(Arc::clone(field)),
    };
    if ty == *field.data_type() {
        return Ok(Arc::clone(field));
    }
    Ok(Arc::new(Field::clone(field).with_data_type(ty)))
}

impl Sink for Parquet {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(Arc::clone(column));
            }
            // What does not fit is an error, not a null.
            let options = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            let cast = |array, ty| {
                cast_with_options(array, ty, &options)
                    .with_context(|| format!("the column {}", field.name()))
            };
            let values = cast(column, field.data_type())?;
            ensure!(
                *column.data_type() != DataType::Date64
                    || cast(&values, &DataType::Date64)?.to_data() == column.to_data(),
                "the column {} has dates with a time of day: cast it to timestamps",
                field.name()
            );
            Ok(values)
        });
        let batch = RecordBatch::try_new_with_options(
            self.schema.clone(),
            columns.collect::<Result<_>>()?,
            &RecordBatchOptions::new().with_row_count(Some(batch.num_rows())),
        )?;
        self.writer.write(&batch)?;
        if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.writer.finish()?;
        Ok(self.writer.inner_mut().flush()?)
    }
}
