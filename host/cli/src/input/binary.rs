//! Files as rows, in the columns of Spark's `binaryFile`.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use anyhow::Result;
use arrow_array::builder::{
    BinaryBuilder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::{Bounds, Chunk, Origin};

/// The column that names the file.
const PATH: &str = "path";
/// The column that holds the file's bytes.
pub const CONTENT: &str = "content";

/// The largest file that is read: what one value of a binary column can hold is 2 GiB.
const LARGEST: u64 = 1 << 30;

/// The columns of files.
pub fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new(PATH, DataType::Utf8, false),
        Field::new("modificationTime", time, true),
        Field::new("length", DataType::Int64, true),
        Field::new(CONTENT, DataType::Binary, true),
    ]))
}

/// Reads files, a chunk of them at a time. A file that cannot be read is its row's failure.
pub struct Files {
    paths: std::vec::IntoIter<PathBuf>,
    /// A file that was too much for the last chunk.
    left_over: Option<Row>,
    contents: bool,
    bounds: Bounds,
}

struct Row {
    path: String,
    modified: Option<i64>,
    length: Option<i64>,
    /// Or why there is none, unless it is not wanted.
    content: Result<Vec<u8>, Option<String>>,
}

impl Files {
    pub fn new(paths: Vec<PathBuf>, bounds: Bounds) -> Self {
        Self {
            paths: paths.into_iter(),
            left_over: None,
            contents: true,
            bounds,
        }
    }

    /// Looks at the files but does not read them.
    pub fn without_contents(mut self) -> Self {
        self.contents = false;
        self
    }
}

impl Iterator for Files {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut chunk = Builder::default();
        while let Some(row) = self
            .left_over
            .take()
            .or_else(|| self.paths.next().map(|path| read(&path, self.contents)))
        {
            let bytes = row.content.as_ref().map_or(0, Vec::len);
            if chunk.rows == self.bounds.rows
                || (chunk.rows > 0 && chunk.bytes + bytes > self.bounds.bytes)
            {
                self.left_over = Some(row);
                break;
            }
            chunk.push(row, bytes);
        }
        (chunk.rows > 0).then(|| chunk.finish())
    }
}

#[derive(Default)]
struct Builder {
    rows: usize,
    bytes: usize,
    path: StringBuilder,
    modified: TimestampMicrosecondBuilder,
    length: Int64Builder,
    content: BinaryBuilder,
    unreadable: Vec<(usize, String)>,
}

impl Builder {
    fn push(&mut self, row: Row, bytes: usize) {
        self.path.append_value(row.path);
        self.modified.append_option(row.modified);
        self.length.append_option(row.length);
        match row.content {
            Ok(content) => self.content.append_value(content),
            Err(None) => self.content.append_null(),
            Err(Some(why)) => {
                self.content.append_null();
                self.unreadable.push((self.rows, why));
            }
        }
        self.rows += 1;
        self.bytes += bytes;
    }

    fn finish(mut self) -> Result<Chunk> {
        let paths = self.path.finish();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(paths.clone()),
            Arc::new(self.modified.finish().with_timezone("UTC")),
            Arc::new(self.length.finish()),
            Arc::new(self.content.finish()),
        ];
        let batch = RecordBatch::try_new(schema(), columns)?;
        Ok(Chunk {
            batch,
            unreadable: self.unreadable,
            origin: Origin::Files(paths),
        })
    }
}

fn read(path: &Path, wanted: bool) -> Row {
    let name = path.to_string_lossy().into_owned();
    if !wanted && let Ok(metadata) = path.metadata() {
        return Row {
            path: name,
            modified: modified(&metadata),
            length: i64::try_from(metadata.len()).ok(),
            content: Err(None),
        };
    }
    // Through one handle, so that the size is that of what is read.
    match File::open(path).and_then(|file| Ok((file.metadata()?, file))) {
        Ok((metadata, file)) => {
            let content = contents(file, &metadata);
            // A pipe says nothing of its length.
            let length = content
                .as_ref()
                .map_or(metadata.len(), |bytes| bytes.len() as u64);
            Row {
                path: name,
                modified: modified(&metadata),
                length: i64::try_from(length).ok(),
                content: content.map_err(|error| Some(format!("cannot read the file: {error}"))),
            }
        }
        Err(error) => Row {
            path: name,
            modified: None,
            length: None,
            content: Err(Some(format!("cannot read the file: {error}"))),
        },
    }
}

fn contents(file: File, metadata: &Metadata) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20));
    if metadata.len() > LARGEST {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

fn modified(metadata: &Metadata) -> Option<i64> {
    let time = metadata.modified().ok()?;
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).ok(),
        Err(before) => i64::try_from(before.duration().as_micros())
            .ok()
            .map(|us| -us),
    }
}

/// One row from a stream that has no name.
pub fn from_reader(mut reader: impl io::Read) -> Result<Chunk> {
    let mut bytes = Vec::new();
    reader.by_ref().take(LARGEST + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(
        bytes.len() as u64 <= LARGEST,
        "stdin holds more than {} MiB",
        LARGEST >> 20
    );
    let (length, mut chunk) = (bytes.len(), Builder::default());
    let row = Row {
        path: "-".to_owned(),
        modified: None,
        length: i64::try_from(length).ok(),
        content: Ok(bytes),
    };
    chunk.push(row, length);
    chunk.finish()
}

#[cfg(test)]
mod tests {
    use arrow_array::Array as _;
    use arrow_array::cast::AsArray as _;

    use super::*;

    #[test]
    fn files_come_in_chunks_of_bounded_size() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = [300, 300, 300, 5000, 10]
            .iter()
            .enumerate()
            .map(|(i, &size)| {
                let path = folder.path().join(format!("{i}"));
                std::fs::write(&path, vec![i as u8; size]).unwrap();
                path
            })
            .collect();
        let chunks: Vec<Chunk> = Files::new(
            paths.clone(),
            Bounds {
                rows: 10,
                bytes: 700,
            },
        )
        .collect::<Result<_>>()
        .unwrap();
        assert_eq!(
            chunks
                .iter()
                .map(|c| c.batch.num_rows())
                .collect::<Vec<_>>(),
            [2, 1, 1, 1]
        );
        assert_eq!(
            chunks[1].batch.column(3).as_binary::<i32>().value(0),
            vec![2u8; 300]
        );
        assert_eq!(chunks[1].row_name(0), paths[2].to_str().unwrap());

        let by_rows = Files::new(
            paths,
            Bounds {
                rows: 2,
                bytes: 1 << 20,
            },
        );
        assert_eq!(
            by_rows
                .map(|c| c.unwrap().batch.num_rows())
                .collect::<Vec<_>>(),
            [2, 2, 1]
        );
    }

    #[test]
    fn what_cannot_be_read_is_its_rows_failure() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("good");
        std::fs::write(&good, "x").unwrap();
        let mut files = Files::new(vec![folder.path().join("gone"), good], Bounds::default());
        let chunk = files.next().unwrap().unwrap();
        assert!(files.next().is_none());
        assert_eq!(chunk.unreadable.len(), 1);
        assert_eq!(chunk.unreadable[0].0, 0);
        assert!(chunk.batch.column(3).is_null(0) && chunk.batch.column(3).is_valid(1));
        assert_eq!(chunk.slice(1, 1).unreadable, []);
    }
}
