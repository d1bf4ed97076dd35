//! Input: whatever it is, it comes as batches of bounded size.

mod binary;
mod discover;
mod glob;
mod ipc;
mod parquet;
mod size;
mod source;
mod stdin;
mod table;
mod text;

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use arrow_array::{Array as _, RecordBatch, StringArray};
use arrow_schema::SchemaRef;

pub use binary::CONTENT;
pub use source::{Opened, Source};
pub use stdin::Pipe;
pub use text::{Options as TextOptions, convert, name as type_name, named as named_type};

use crate::args::InputFormat;
use crate::talk::Talk;

/// Batches, one after the other, as a file has them.
type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// Rows of bounded size, one batch after the other.
pub type Chunks = Box<dyn Iterator<Item = Result<Chunk>> + Send>;

/// Bounds of one batch. Several are in flight at once (one being read, one waiting, one evaluated, one written), so this
/// times a handful is what a run takes, however large the input is.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub rows: usize,
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rows: 8192,
            bytes: 16 << 20,
        }
    }
}

/// Rows to be evaluated.
#[derive(Debug)]
pub struct Chunk {
    pub batch: RecordBatch,
    /// Rows that could not be read, in ascending order, and why.
    pub unreadable: Vec<(usize, String)>,
    pub origin: Origin,
}

/// Where rows come from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// One file a row, by their paths.
    Files(StringArray),
    /// A table, from this row on, counted from 0.
    Table { name: Arc<str>, first_row: u64 },
}

impl Chunk {
    /// The chunk's rows from `offset` on.
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        let rows = offset..offset + length;
        Self {
            batch: self.batch.slice(offset, length),
            unreadable: self
                .unreadable
                .iter()
                .filter(|(row, _)| rows.contains(row))
                .map(|(row, why)| (row - offset, why.clone()))
                .collect(),
            origin: match &self.origin {
                Origin::Files(paths) => Origin::Files(paths.slice(offset, length)),
                Origin::Table { name, first_row } => Origin::Table {
                    name: name.clone(),
                    first_row: first_row + offset as u64,
                },
            },
        }
    }

    /// Some of the columns.
    fn project(mut self, columns: &[usize]) -> Result<Self> {
        self.batch = self.batch.project(columns)?;
        Ok(self)
    }

    /// What people call a row.
    pub fn row_name(&self, row: usize) -> String {
        match &self.origin {
            Origin::Files(paths) if row < paths.len() => paths.value(row).to_owned(),
            Origin::Files(_) => format!("row {}", row + 1),
            Origin::Table { name, first_row } => {
                format!("{name}, row {}", first_row + row as u64 + 1)
            }
        }
    }

    /// What people call several rows, one behind the other.
    pub fn rows_name(&self, rows: Range<usize>) -> String {
        let (first, last) = (rows.start, rows.end.saturating_sub(1));
        if last <= first {
            return self.row_name(first);
        }
        match &self.origin {
            Origin::Files(_) => {
                let (first, last) = (self.row_name(first), self.row_name(last));
                format!("{} files from {first} to {last}", rows.len())
            }
            Origin::Table { name, first_row } => {
                let number = |row: usize| first_row + row as u64 + 1;
                format!("{name}, rows {} to {}", number(first), number(last))
            }
        }
    }
}

/// How input is to be read, beyond its format.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub text: Arc<TextOptions>,
    /// Whether CSV columns come as they are written, because CSV is what they become.
    pub keep_text: bool,
    pub talk: Talk,
}

/// An opened input.
pub struct Input {
    pub schema: SchemaRef,
    /// The columns with the types that are in texts, where these are read as they are written.
    pub types: SchemaRef,
    /// How many rows there are, where that is known before reading them.
    pub rows: Option<u64>,
    /// Whether each row is a file.
    pub files: bool,
    /// Whether the types were made out of text.
    pub text: bool,
    rest: Rest,
}

enum Rest {
    Source(Source),
    Pipe(Pipe),
}

impl Input {
    /// Reads some of the columns, in ascending order.
    pub fn read(self, wanted: &[usize]) -> Result<Chunks> {
        match self.rest {
            Rest::Source(source) => Ok(source.read(wanted)),
            Rest::Pipe(pipe) => pipe.read(wanted),
        }
    }

    /// Reads all columns.
    pub fn read_all(self) -> Result<Chunks> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        self.read(&all)
    }
}

/// Opens what the user named, which must not be among the `outputs`.
pub fn open(
    names: &[String],
    format: Option<InputFormat>,
    outputs: &[&Path],
    settings: &Settings,
    bounds: Bounds,
) -> Result<Input> {
    let pipe = match Source::find(names, format, outputs, settings, bounds)? {
        Opened::Files(source) => {
            return Ok(Input {
                schema: source.schema().clone(),
                types: source.types().clone(),
                rows: source.rows(),
                files: source.is_files(),
                text: source.is_text(),
                rest: Rest::Source(source),
            });
        }
        Opened::Stdin => stdin(format, settings, bounds)?,
        Opened::Pipe(path, format) => pipe_at(&path, format, settings, bounds)?,
    };
    Ok(Input {
        schema: pipe.schema.clone(),
        types: pipe.types.clone(),
        rows: pipe.rows,
        files: pipe.files,
        text: pipe.is_text(),
        rest: Rest::Pipe(pipe),
    })
}

/// Opens stdin, which can be read once.
pub fn stdin(format: Option<InputFormat>, settings: &Settings, bounds: Bounds) -> Result<Pipe> {
    Pipe::open(std::io::stdin(), "stdin", format, settings, bounds)
}

/// Opens a pipe under a path, which can be read once.
pub fn pipe_at(
    path: &Path,
    format: Option<InputFormat>,
    settings: &Settings,
    bounds: Bounds,
) -> Result<Pipe> {
    let name = path.display().to_string();
    let pipe = File::open(path).with_context(|| format!("cannot read {name}"))?;
    Pipe::open(pipe, &name, format, settings, bounds)
}

/// Names the rows of one table, and cuts its batches to size.
fn chunks(
    name: &str,
    batches: Batches,
    bounds: Bounds,
) -> impl Iterator<Item = Result<Chunk>> + Send + use<> {
    let name: Arc<str> = name.into();
    let mut first_row = 0;
    batches
        .flat_map(move |batch| match batch {
            Ok(batch) => size::split(batch, bounds).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
        .map(move |batch| {
            let batch = batch?;
            let origin = Origin::Table {
                name: name.clone(),
                first_row,
            };
            first_row += batch.num_rows() as u64;
            Ok(Chunk {
                batch,
                unreadable: Vec::new(),
                origin,
            })
        })
}
