//! Arrow IPC, as a file or as a stream.

use std::io::Write as _;

use anyhow::Result;
use arrow_array::RecordBatch;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::SchemaRef;

use super::Sink;
use super::place::Writer;

pub struct File(FileWriter<Writer>);

impl File {
    pub fn new(writer: Writer, schema: &SchemaRef) -> Result<Self> {
        Ok(Self(FileWriter::try_new(writer, schema)?))
    }
}

impl Sink for File {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.0.write(batch)?)
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
        Ok(self.0.write(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.0.finish()?;
        Ok(self.0.get_mut().flush()?)
    }
}
