//! Arrow IPC, as a file or as a stream.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;
use arrow_array::cast::AsArray as _;
use arrow_array::types::ByteViewType;
use arrow_array::{
    Array as _, ArrayRef, GenericByteViewArray, RecordBatch, RecordBatchOptions, StructArray,
};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, SchemaRef};

use super::Sink;
use super::place::Writer;

/// How many times as large as its values a column's buffers may be.
const SLACK: usize = 2;

/// The batch without the bytes that its views do not show: slices share all buffers of what they were cut from, and each
/// would be written with all of them.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(compact_column);
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = columns.collect::<Result<_>>()?;
    Ok(RecordBatch::try_new_with_options(
        batch.schema(),
        columns,
        &options,
    )?)
}

fn compact_column(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Utf8View => compact_views(array.as_string_view()),
        DataType::BinaryView => compact_views(array.as_binary_view()),
        DataType::Struct(fields) => {
            let structs = array.as_struct();
            let columns = structs.columns().iter().map(compact_column);
            Arc::new(StructArray::try_new_with_length(
                fields.clone(),
                columns.collect::<Result<_>>()?,
                structs.nulls().cloned(),
                structs.len(),
            )?)
        }
        _ => Arc::clone(array),
    })
}

fn compact_views<T: ByteViewType>(views: &GenericByteViewArray<T>) -> ArrayRef {
    let held: usize = views.data_buffers().iter().map(|buffer| buffer.len()).sum();
    if held > SLACK * views.total_buffer_bytes_used() {
        Arc::new(views.gc())
    } else {
        Arc::new(views.clone())
    }
}

pub struct File(FileWriter<Writer>);

impl File {
    pub fn new(writer: Writer, schema: &SchemaRef) -> Result<Self> {
        Ok(Self(FileWriter::try_new(writer, schema)?))
    }
}

impl Sink for File {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.0.write(&compact(batch)?)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.0.finish()?;
        Ok(self.0.get_mut().flush()?)
    }
}

pub struct Stream(StreamWriter<Writer>);

impl Stream {
    pub fn new(writer: Writer, schema: &SchemaRef) -> Result<Self> {
        Ok(Self(StreamWriter::try_new(writer, schema)?))
    }
}

impl Sink for Stream {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.0.write(&compact(batch)?)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.0.finish()?;
        Ok(self.0.get_mut().flush()?)
    }
}
