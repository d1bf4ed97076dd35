//! Arrow IPC: files and streams, told apart by how they begin.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _};
use std::path::Path;

use anyhow::Result;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::SchemaRef;

use super::Batches;

/// How an Arrow IPC file begins; a stream does not.
pub const FILE_MAGIC: &[u8] = b"ARROW1";

/// The columns and the batches; of some of the columns, if they are said.
pub fn open(path: &Path, wanted: Option<Vec<usize>>) -> Result<(SchemaRef, Batches)> {
    let mut file = File::open(path)?;
    let mut magic = Vec::new();
    file.by_ref()
        .take(FILE_MAGIC.len() as u64)
        .read_to_end(&mut magic)?;
    file.rewind()?;
    if magic == FILE_MAGIC {
        let reader = FileReader::try_new(BufReader::new(file), wanted)?;
        Ok((
            reader.schema(),
            Box::new(reader.map(|batch| batch.map_err(Into::into))),
        ))
    } else {
        stream(BufReader::new(file), wanted)
    }
}

/// The columns and the batches of a stream.
pub fn stream(
    reader: impl Read + Send + 'static,
    wanted: Option<Vec<usize>>,
) -> Result<(SchemaRef, Batches)> {
    let reader = StreamReader::try_new(reader, wanted)?;
    Ok((
        reader.schema(),
        Box::new(reader.map(|batch| batch.map_err(Into::into))),
    ))
}
