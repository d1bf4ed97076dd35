//! NDJSON.

use std::io::BufRead;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};

use super::csv::misfit_at;
use super::kind::convert;
use super::shape::Shape;
use super::{Bounds, Columns, Options};

/// Looks at lines: all there are.
pub fn shape(reader: impl BufRead) -> Result<Shape> {
    let mut shape = Shape::default();
    let mut lines = Lines::new(reader);
    while lines.next()? {
        shape.add(&lines.text, lines.number)?;
    }
    Ok(shape)
}

/// Lines that are not blank.
struct Lines<R> {
    reader: R,
    text: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            text: Vec::new(),
            number: 0,
        }
    }

    fn next(&mut self) -> Result<bool> {
        loop {
            self.text.clear();
            if self.reader.read_until(b'\n', &mut self.text)? == 0 {
                return Ok(false);
            }
            self.number += 1;
            if self.number == 1 && self.text.starts_with(b"\xef\xbb\xbf") {
                self.text.drain(..3);
            }
            if !self.text.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }
}

/// Reads lines as batches.
pub struct Batches<R> {
    lines: Lines<R>,
    decoder: Decoder,
    schema: SchemaRef,
    /// What a stream held so far: its columns come from its beginning.
    stream: Option<Stream>,
    bounds: Bounds,
}

struct Stream {
    seen: Shape,
    options: Arc<Options>,
    columns: Fields,
}

impl<R: BufRead> Batches<R> {
    pub fn new(
        reader: R,
        columns: &Columns,
        wanted: &[usize],
        seen: Option<Shape>,
        bounds: Bounds,
    ) -> Result<Self> {
        let schema = Arc::new(columns.schema.project(wanted)?);
        // Declared types are made of texts, by the same rules as in CSV.
        let texts = schema.fields().iter().map(|field| {
            if columns.options.declares(field.name()) && !field.data_type().is_nested() {
                Arc::new(Field::new(field.name(), DataType::Utf8, true))
            } else {
                Arc::clone(field)
            }
        });
        let texts = Arc::new(Schema::new(texts.collect::<Fields>()));
        let all = wanted.len() == columns.schema.fields().len();
        let options = &columns.options;
        let stream = seen.map(|seen| -> Result<Stream> {
            Ok(Stream {
                columns: seen.columns(|name| options.declares(name))?,
                options: Arc::clone(options),
                seen,
            })
        });
        Ok(Self {
            lines: Lines::new(reader),
            decoder: ReaderBuilder::new(texts)
                .with_batch_size(bounds.rows)
                .with_coerce_primitive(true)
                .with_strict_mode(all)
                .build_decoder()?,
            schema,
            stream: stream.transpose()?,
            bounds,
        })
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let (mut rows, mut bytes) = (0, 0);
        let mut lines = Vec::new();
        while rows < self.bounds.rows && bytes < self.bounds.bytes && self.lines.next()? {
            let number = self.lines.number;
            if let Some(stream) = &mut self.stream {
                stream.check(&self.lines.text, number)?;
            }
            if self.lines.text.last() != Some(&b'\n') {
                self.lines.text.push(b'\n');
            }
            let taken = self
                .decoder
                .decode(&self.lines.text)
                .with_context(|| format!("line {number}"))?;
            lines.push(number);
            rows += 1;
            bytes += self.lines.text.len();
            if self.decoder.len() != rows || self.decoder.has_partial_record() {
                bail!("line {number} is no JSON object");
            }
            debug_assert_eq!(taken, self.lines.text.len());
        }
        let Some(texts) = self.decoder.flush().with_context(|| {
            let (first, last) = (lines.first().unwrap_or(&0), lines.last().unwrap_or(&0));
            format!("lines {first} to {last}")
        })?
        else {
            return Ok(None);
        };
        let columns = texts.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| -> Result<ArrayRef> {
            if column.data_type() == field.data_type() {
                return Ok(Arc::clone(column));
            }
            convert(column, field.data_type())?.map_err(|misfit| {
                let line = lines.get(misfit.row).copied().unwrap_or_default();
                anyhow!(misfit_at(
                    line,
                    field.name(),
                    &misfit.value,
                    field.data_type()
                ))
            })
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        let batch =
            RecordBatch::try_new_with_options(schema, columns.collect::<Result<_>>()?, &options)?;
        Ok(Some(batch))
    }
}

impl Stream {
    /// Whether the columns that a stream began with hold this line, too.
    fn check(&mut self, line: &[u8], number: u64) -> Result<()> {
        self.seen.add(line, number)?;
        let options = &self.options;
        let columns = self.seen.columns(|name| options.declares(name))?;
        if columns == self.columns {
            return Ok(());
        }
        for field in &columns {
            let name = field.name();
            match self.columns.find(name) {
                None if options.type_of(name).is_some() => {}
                None => bail!(
                    "line {number}: the field {name} is in no line before, and a stream's columns come from its beginning: \
                     read it from a file, or declare it with --types {name}=TEXT"
                ),
                Some((_, before)) if before != field => bail!(
                    "line {number}: the field {name} is {} from here on, and was {}; a stream's types come from its \
                     beginning: read it from a file, or as text with --types {name}=TEXT",
                    super::name(field.data_type()),
                    super::name(before.data_type())
                ),
                Some(_) => {}
            }
        }
        Ok(())
    }
}

impl<R: BufRead> Iterator for Batches<R> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch().transpose()
    }
}
