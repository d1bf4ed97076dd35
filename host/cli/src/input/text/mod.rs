//! CSV and NDJSON, which have no types: files are read twice, first for the types that hold all that is in them. A stream
//! can be read once: it goes by its beginning, and what that does not hold is an error.

mod compressed;
mod csv;
#[cfg(test)]
mod fuzz;
mod json;
mod kind;
mod shape;

use std::io::{BufRead, Read as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};

pub use self::compressed::{is_compressed, open};
pub use self::kind::{Kinds, convert, name, named};

use self::csv::Header;
use self::shape::Shape;
use super::{Batches, Bounds};
use crate::args::InputFormat;

/// What the user says of texts.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What stands between fields, whatever the format says.
    pub delimiter: Option<u8>,
    /// What stands for a null, besides nothing.
    pub nulls: Vec<String>,
    /// Whether all columns are text.
    pub all_text: bool,
    /// The types of columns.
    pub types: Vec<(String, DataType)>,
}

impl Options {
    /// Whether the type of a column is said.
    fn declares(&self, name: &str) -> bool {
        self.all_text || self.types.iter().any(|(column, _)| column == name)
    }

    fn type_of(&self, name: &str) -> Option<DataType> {
        let said = self.types.iter().find(|(column, _)| column == name);
        said.map(|(_, ty)| ty.clone())
            .or_else(|| self.all_text.then_some(DataType::Utf8))
    }

    fn delimiter_of(&self, format: InputFormat) -> u8 {
        self.delimiter.unwrap_or(match format {
            InputFormat::Tsv => b'\t',
            _ => b',',
        })
    }
}

/// What was seen in texts.
#[derive(Clone, Debug)]
pub enum Seen {
    Csv(Header),
    Json(Shape),
}

impl Seen {
    /// Reads a text to its end, which may be that of a `sample`.
    pub fn of(
        reader: impl BufRead,
        format: InputFormat,
        options: &Options,
        sample: bool,
    ) -> Result<Self> {
        Ok(match format {
            InputFormat::Ndjson => Self::Json(json::shape(reader)?),
            _ => {
                let delimiter = options.delimiter_of(format);
                Self::Csv(Header::of(reader, delimiter, options, sample)?)
            }
        })
    }

    /// Adds another text, if both can be read as one table.
    pub fn merge(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Csv(one), Self::Csv(other)) => one.merge(other),
            (Self::Json(one), Self::Json(other)) => {
                one.merge(other);
                true
            }
            _ => false,
        }
    }

    /// A remark on what the text looks like.
    pub fn remark(&self) -> Option<String> {
        let Self::Csv(header) = self else { return None };
        let other = header.other_delimiter()?;
        let shown = if other == '\t' {
            "\\t".to_owned()
        } else {
            other.to_string()
        };
        Some(format!(
            "has one column, `{}`; --delimiter '{shown}' reads it as several",
            header.names[0]
        ))
    }
}

/// The columns of texts that are read as one table.
#[derive(Clone, Debug)]
pub struct Columns {
    format: InputFormat,
    pub schema: SchemaRef,
    options: Arc<Options>,
}

impl Columns {
    /// The columns that hold what was seen. A stream may go on with more of the declared ones.
    pub fn of(
        seen: &Seen,
        format: InputFormat,
        options: &Arc<Options>,
        stream: bool,
    ) -> Result<Self> {
        let mut fields: Vec<Field> = match seen {
            Seen::Csv(header) => {
                let columns = header.names.iter().zip(&header.kinds);
                let columns = columns.map(|(name, kinds)| {
                    let ty = options.type_of(name);
                    Field::new(name, ty.unwrap_or_else(|| kinds.data_type()), true)
                });
                columns.collect()
            }
            Seen::Json(shape) => {
                let fields: Fields = shape.columns(|name| options.declares(name))?;
                let fields = fields
                    .iter()
                    .map(|field| match options.type_of(field.name()) {
                        Some(ty) if *field.data_type() == DataType::Utf8 => {
                            Field::new(field.name(), ty, true)
                        }
                        _ => field.as_ref().clone(),
                    });
                fields.collect()
            }
        };
        if stream && format == InputFormat::Ndjson {
            for (name, ty) in &options.types {
                if fields.iter().all(|field| field.name() != name) {
                    fields.push(Field::new(name, ty.clone(), true));
                }
            }
        }
        let schema = Schema::new(fields);
        for (name, ty) in &options.types {
            match schema.field_with_name(name) {
                Ok(field) if field.data_type() == ty => {}
                Ok(field) => bail!(
                    "--types {name}={}: the column is {}",
                    kind::name(ty),
                    field.data_type()
                ),
                Err(_) => bail!(
                    "--types {name}: there is no such column; the columns are {}",
                    super::table::describe(&schema)
                ),
            }
        }
        Ok(Self {
            format,
            schema: Arc::new(schema),
            options: Arc::clone(options),
        })
    }

    /// The same with each column as it is written. (JSON says itself what is text.)
    pub fn as_text(&self) -> Self {
        if self.format == InputFormat::Ndjson {
            return self.clone();
        }
        let fields = self.schema.fields().iter();
        let fields = fields.map(|field| Field::new(field.name(), DataType::Utf8, true));
        Self {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            ..self.clone()
        }
    }
}

/// Reads some columns of a text, in order. `seen` is what a stream's types come from.
pub fn batches(
    reader: impl BufRead + Send + 'static,
    columns: &Columns,
    wanted: Vec<usize>,
    seen: Option<Seen>,
    bounds: Bounds,
) -> Result<Batches> {
    Ok(match seen {
        Some(Seen::Json(shape)) => Box::new(json::Batches::new(
            reader,
            columns,
            &wanted,
            Some(shape),
            bounds,
        )?),
        None if columns.format == InputFormat::Ndjson => {
            Box::new(json::Batches::new(reader, columns, &wanted, None, bounds)?)
        }
        seen => {
            let seen = seen.and_then(|seen| match seen {
                Seen::Csv(header) => Some(header.kinds),
                Seen::Json(_) => None,
            });
            Box::new(csv::Batches::new(reader, columns, wanted, seen, bounds)?)
        }
    })
}

/// The first bytes of a reader, up to `length`, and the reader as it was.
pub fn peek<R: BufRead>(mut reader: R, length: usize) -> Result<(Vec<u8>, impl BufRead + use<R>)> {
    let mut head = Vec::new();
    reader
        .by_ref()
        .take(length as u64)
        .read_to_end(&mut head)
        .context("cannot read")?;
    let whole = std::io::Cursor::new(head.clone()).chain(reader);
    Ok((head, whole))
}

/// Whether a format is text.
pub fn is_text(format: InputFormat) -> bool {
    matches!(
        format,
        InputFormat::Csv | InputFormat::Tsv | InputFormat::Ndjson
    )
}

/// Looks at all of a file's first bytes.
pub fn look(path: &Path, length: u64, format: InputFormat, options: &Options) -> Result<Seen> {
    Seen::of(open(path, length)?, format, options, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_without_values_is_one_of_strings() {
        let options = Arc::new(Options::default());
        let seen = Seen::of(
            "a,b\n1,\n2,\n".as_bytes(),
            InputFormat::Csv,
            &options,
            false,
        )
        .unwrap();
        let columns = Columns::of(&seen, InputFormat::Csv, &options, false).unwrap();
        assert_eq!(columns.schema.field(1).data_type(), &DataType::Utf8);
    }
}
