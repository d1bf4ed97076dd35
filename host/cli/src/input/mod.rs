//! Input: whatever it is, it comes as batches of bounded size.

mod binary;
mod discover;
mod ipc;
mod key_order;
mod parquet;
mod size;
mod source;
mod stdin;
mod table;
mod text;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::SchemaRef;

pub use binary::{CONTENT, PATH};
pub use source::Source;

use crate::args::InputFormat;

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
    /// One file a row; the column `path` names it.
    Files,
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
                Origin::Files => Origin::Files,
                Origin::Table { name, first_row } => Origin::Table {
                    name: name.clone(),
                    first_row: first_row + offset as u64,
                },
            },
        }
    }

    /// What people call a row.
    pub fn row_name(&self, row: usize) -> String {
        match &self.origin {
            Origin::Files => self
                .batch
                .column_by_name(PATH)
                .and_then(|paths| paths.as_any().downcast_ref::<StringArray>())
                .map_or_else(
                    || format!("row {}", row + 1),
                    |paths| paths.value(row).to_owned(),
                ),
            Origin::Table { name, first_row } => {
                format!("{name}, row {}", first_row + row as u64 + 1)
            }
        }
    }
}

/// An opened input.
pub struct Input {
    pub schema: SchemaRef,
    /// How many rows there are, where that is known before reading them.
    pub rows: Option<u64>,
    /// Whether each row is a file.
    pub files: bool,
    pub chunks: Chunks,
}

/// Opens what the user named; `output` is not read even if a folder holds it.
pub fn open(
    names: &[String],
    format: Option<InputFormat>,
    output: Option<&Path>,
    bounds: Bounds,
) -> Result<Input> {
    match Source::find(names, format, output, bounds)? {
        None => stdin(format, bounds),
        Some(source) => Ok(Input {
            schema: source.schema().clone(),
            rows: source.rows(),
            files: source.is_files(),
            chunks: source.read(true),
        }),
    }
}

/// Opens stdin, which can be read once.
pub fn stdin(format: Option<InputFormat>, bounds: Bounds) -> Result<Input> {
    stdin::open(std::io::stdin(), format, bounds)
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
