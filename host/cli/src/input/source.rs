//! Files that were found and looked at, to be read any number of times.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use arrow_schema::SchemaRef;

use super::discover::{Found, TableFile, discover};
use super::table::Tables;
use super::{Bounds, CONTENT, Chunks, Settings, binary};
use crate::args::InputFormat;

/// The warnings about an input that are printed.
const WARNINGS: usize = 5;

/// What names on the command line or in a statement come to.
#[derive(Debug)]
pub enum Opened {
    Files(Source),
    Stdin,
    /// A pipe under a path, and the format that the name says.
    Pipe(PathBuf, Option<InputFormat>),
}

/// Files.
#[derive(Clone, Debug)]
pub struct Source {
    kind: Kind,
    schema: SchemaRef,
    bounds: Bounds,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A row each.
    Files(Vec<PathBuf>),
    /// Files of rows.
    Tables(Tables, Vec<TableFile>),
}

impl Source {
    /// Looks for files, and at the columns of those that are tables.
    pub fn find(
        names: &[String],
        format: Option<InputFormat>,
        outputs: &[&Path],
        settings: &Settings,
        bounds: Bounds,
    ) -> Result<Opened> {
        let mut warnings = Vec::new();
        let found = discover(names, format, outputs, &mut warnings)?;
        for warning in warnings.iter().take(WARNINGS) {
            settings.talk.warn(warning);
        }
        if let Some(more) = warnings.len().checked_sub(WARNINGS).filter(|&n| n > 0) {
            settings.talk.warn(&format!("{more} more are passed over"));
        }
        Ok(Opened::Files(match found {
            Found::Stdin => return Ok(Opened::Stdin),
            Found::Pipe(path, by_name) => return Ok(Opened::Pipe(path, format.or(by_name))),
            Found::Files(paths) => {
                if paths.is_empty() {
                    bail!(
                        "{} holds no files (hidden ones are left out)",
                        names.join(", ")
                    );
                }
                Self {
                    kind: Kind::Files(paths),
                    schema: binary::schema(),
                    bounds,
                }
            }
            Found::Tables { format, mut files } => {
                let tables = Tables::look(format, &mut files, settings)?;
                Self {
                    schema: tables.schema.clone(),
                    kind: Kind::Tables(tables, files),
                    bounds,
                }
            }
        }))
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns with the types that are in texts, which may be read as they are written.
    pub fn types(&self) -> &SchemaRef {
        match &self.kind {
            Kind::Files(_) => &self.schema,
            Kind::Tables(tables, _) => &tables.types,
        }
    }

    /// How many rows there are, where that is known.
    pub fn rows(&self) -> Option<u64> {
        match &self.kind {
            Kind::Files(paths) => Some(paths.len() as u64),
            Kind::Tables(tables, _) => tables.rows,
        }
    }

    /// Whether each row is a file.
    pub fn is_files(&self) -> bool {
        matches!(self.kind, Kind::Files(_))
    }

    /// Whether the types were made out of text.
    pub fn is_text(&self) -> bool {
        matches!(&self.kind, Kind::Tables(tables, _) if tables.is_text())
    }

    /// The files, if they are Parquet that holds all columns.
    #[cfg(feature = "sql")]
    pub fn parquet(&self) -> Option<Vec<&Path>> {
        match &self.kind {
            Kind::Tables(tables, files)
                if tables.format() == InputFormat::Parquet && tables.is_plain() =>
            {
                Some(files.iter().map(|file| file.path.as_path()).collect())
            }
            _ => None,
        }
    }

    /// The files dealt out to at most this many parts.
    #[cfg(feature = "sql")]
    pub fn deal(&self, parts: usize) -> Vec<Self> {
        fn share<T: Clone>(all: &[T], part: usize, parts: usize) -> Vec<T> {
            all.iter().skip(part).step_by(parts).cloned().collect()
        }
        let files = match &self.kind {
            Kind::Files(paths) => paths.len(),
            Kind::Tables(_, files) => files.len(),
        };
        let parts = parts.clamp(1, files.max(1));
        (0..parts)
            .map(|part| Self {
                kind: match &self.kind {
                    Kind::Files(paths) => Kind::Files(share(paths, part, parts)),
                    Kind::Tables(tables, files) => {
                        Kind::Tables(tables.clone(), share(files, part, parts))
                    }
                },
                schema: self.schema.clone(),
                bounds: self.bounds,
            })
            .collect()
    }

    /// Reads some columns of the rows. Of files that are rows all columns come, but the contents are null where they are
    /// not wanted.
    pub fn read(&self, wanted: &[usize]) -> Chunks {
        match &self.kind {
            Kind::Files(paths) => {
                let files = binary::Files::new(paths.clone(), self.bounds);
                let content = self.schema.index_of(CONTENT);
                let all = content.is_ok_and(|content| wanted.contains(&content));
                let files = if all { files } else { files.without_contents() };
                let wanted = wanted.to_vec();
                Box::new(files.map(move |chunk| chunk?.project(&wanted)))
            }
            Kind::Tables(tables, files) => tables.read(files.clone(), wanted, self.bounds),
        }
    }
}
