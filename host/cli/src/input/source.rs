//! Files that were found and looked at, to be read any number of times.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use arrow_schema::SchemaRef;

use super::discover::{Found, discover};
use super::{Bounds, Chunks, binary, table};
use crate::args::InputFormat;

/// What names on the command line or in a statement come to.
#[derive(Clone, Debug)]
pub struct Source {
    kind: Kind,
    paths: Vec<PathBuf>,
    schema: SchemaRef,
    rows: Option<u64>,
    bounds: Bounds,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A row each.
    Files,
    /// Files of rows.
    Tables(InputFormat),
}

impl Source {
    /// Looks for files, and at the columns of those that are tables; nothing
    /// when stdin is meant.
    pub fn find(
        names: &[String],
        format: Option<InputFormat>,
        output: Option<&Path>,
        bounds: Bounds,
    ) -> Result<Option<Self>> {
        Ok(match discover(names, format, output)? {
            Found::Stdin => None,
            Found::Files(paths) => {
                if paths.is_empty() {
                    bail!(
                        "{} holds no files (hidden ones are left out)",
                        names.join(", ")
                    );
                }
                Some(Self {
                    kind: Kind::Files,
                    schema: binary::schema(),
                    rows: Some(paths.len() as u64),
                    paths,
                    bounds,
                })
            }
            Found::Tables { format, paths } => {
                let (schema, rows) = table::probe_all(format, &paths)?;
                Some(Self {
                    kind: Kind::Tables(format),
                    schema,
                    rows,
                    paths,
                    bounds,
                })
            }
        })
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many rows there are, where that is known.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Whether each row is a file.
    pub fn is_files(&self) -> bool {
        matches!(self.kind, Kind::Files)
    }

    /// The files, if they are Parquet.
    #[cfg(feature = "sql")]
    pub fn parquet(&self) -> Option<&[PathBuf]> {
        matches!(self.kind, Kind::Tables(InputFormat::Parquet)).then_some(&self.paths)
    }

    /// The files dealt out to at most this many parts.
    #[cfg(feature = "sql")]
    pub fn deal(&self, parts: usize) -> Vec<Self> {
        let parts = parts.clamp(1, self.paths.len().max(1));
        (0..parts)
            .map(|part| Self {
                paths: self
                    .paths
                    .iter()
                    .skip(part)
                    .step_by(parts)
                    .cloned()
                    .collect(),
                rows: None,
                ..self.clone()
            })
            .collect()
    }

    /// Reads the rows. Files that are rows are read only if their `contents`
    /// are wanted; the column is null otherwise.
    pub fn read(&self, contents: bool) -> Chunks {
        match self.kind {
            Kind::Files => {
                let files = binary::Files::new(self.paths.clone(), self.bounds);
                Box::new(if contents {
                    files
                } else {
                    files.without_contents()
                })
            }
            Kind::Tables(format) => {
                table::read_all(format, self.paths.clone(), self.schema.clone(), self.bounds)
            }
        }
    }
}
