//! CSV and TSV; lists and structs as JSON text. A null is nothing, and an empty text is quoted, so that they stay apart.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, SchemaRef};

use super::place::Writer;
use super::{Sink, json};

pub struct Csv {
    writer: Writer,
    delimiter: u8,
    names: Vec<String>,
    began: bool,
}

impl Csv {
    pub fn new(writer: Writer, schema: &SchemaRef, delimiter: u8) -> Self {
        let names = schema.fields().iter().map(|field| field.name().clone());
        Self {
            writer,
            delimiter,
            names: names.collect(),
            began: false,
        }
    }

    /// The header comes with the first batch, and is due without one.
    fn begin(&mut self) -> Result<()> {
        if !self.began {
            self.began = true;
            let mut line = Vec::new();
            for (index, name) in self.names.iter().enumerate() {
                if index > 0 {
                    line.push(self.delimiter);
                }
                // A header of nothing would be no line.
                field(
                    &mut line,
                    name,
                    self.delimiter,
                    name.is_empty() && self.names.len() > 1,
                );
            }
            line.push(b'\n');
            self.writer.write_all(&line)?;
        }
        Ok(())
    }
}

/// Writes a text, in quotes where it would not be read as it is. An empty one has none where it may be `bare`.
fn field(line: &mut Vec<u8>, text: &str, delimiter: u8, bare: bool) {
    let special = |byte: u8| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    if bare || (!text.is_empty() && !text.bytes().any(special)) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    line.push(b'"');
}

/// A column as text.
enum Texts<'a> {
    Strings(&'a arrow_array::StringArray),
    Others(ArrayFormatter<'a>),
}

impl Sink for Csv {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.begin()?;
        let fields = batch.schema_ref().fields().iter().zip(batch.columns());
        let columns = fields.map(|(field, column)| {
            if field.data_type().is_nested() {
                json::to_text(field, column)
            } else {
                Ok(column.clone())
            }
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        let options = FormatOptions::default();
        let texts = columns.iter().map(|column| {
            Ok(match column.data_type() {
                DataType::Utf8 => Texts::Strings(column.as_string()),
                _ => Texts::Others(ArrayFormatter::try_new(column.as_ref(), &options)?),
            })
        });
        let texts = texts.collect::<Result<Vec<_>>>()?;
        let (mut line, mut cell) = (Vec::new(), String::new());
        for row in 0..batch.num_rows() {
            line.clear();
            for (index, (texts, column)) in texts.iter().zip(&columns).enumerate() {
                if index > 0 {
                    line.push(self.delimiter);
                }
                if column.is_null(row) {
                    // A line of nothing would be none.
                    if columns.len() == 1 {
                        line.extend_from_slice(b"\"\"");
                    }
                    continue;
                }
                match texts {
                    Texts::Strings(strings) => {
                        field(&mut line, strings.value(row), self.delimiter, false);
                    }
                    Texts::Others(formatter) => {
                        cell.clear();
                        // What has no text is an error, which the text would be otherwise.
                        formatter
                            .value(row)
                            .write(&mut cell)
                            .with_context(|| format!("the column {}", self.names[index]))?;
                        field(&mut line, &cell, self.delimiter, false);
                    }
                }
            }
            line.push(b'\n');
            self.writer.write_all(&line)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.begin()?;
        Ok(self.writer.flush()?)
    }
}
