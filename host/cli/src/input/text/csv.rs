//! CSV and TSV: records of texts, with what arrow-csv does not say: whether an empty field was quoted, and a record's line.

use std::io::BufRead;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef};
use csv_core::{ReadFieldResult, ReadRecordResult};

use super::kind::{self, Kinds, convert};
use super::{Bounds, Columns, Options};

/// The names of a file's columns, and what they hold.
#[derive(Clone, Debug, Default)]
pub struct Header {
    pub names: Vec<String>,
    pub kinds: Vec<Kinds>,
}

impl Header {
    /// Looks at records: all there are. The last of a `sample` may be cut in two.
    pub fn of(
        reader: impl BufRead,
        delimiter: u8,
        options: &Options,
        sample: bool,
    ) -> Result<Self> {
        let mut records = Records::new(reader, delimiter, options);
        let mut header = Self {
            names: records.header()?,
            kinds: Vec::new(),
        };
        header.kinds = vec![Kinds::default(); header.names.len()];
        loop {
            match records.next() {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) if sample && records.reader.fill_buf()?.is_empty() => break,
                Err(error) => return Err(error),
            }
            for (index, kinds) in header.kinds.iter_mut().enumerate() {
                match records.value(index) {
                    None | Some("") => {}
                    Some(value) => kinds.add(value),
                }
            }
        }
        Ok(header)
    }

    /// Adds the rows of another file, if it has the same columns.
    pub fn merge(&mut self, other: &Self) -> bool {
        let same = self.names == other.names;
        if same {
            for (kinds, more) in self.kinds.iter_mut().zip(&other.kinds) {
                kinds.merge(more);
            }
        }
        same
    }

    /// What the file may be separated by, where it has one column that looks like several.
    pub fn other_delimiter(&self) -> Option<char> {
        let [name] = self.names.as_slice() else {
            return None;
        };
        [';', '\t', '|']
            .into_iter()
            .find(|&other| name.contains(other))
    }
}

/// Records, one after the other.
struct Records<R> {
    reader: R,
    core: csv_core::Reader,
    delimiter: u8,
    nulls: Vec<String>,
    columns: usize,
    /// The fields of the record, end to end, and where they end.
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    /// The record as it was written.
    raw: Vec<u8>,
    /// Which empty fields were quoted.
    quoted: Vec<bool>,
    line: u64,
    ended: bool,
}

impl<R: BufRead> Records<R> {
    fn new(reader: R, delimiter: u8, options: &Options) -> Self {
        Self {
            reader,
            core: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            nulls: options.nulls.clone(),
            columns: 0,
            text: vec![0; 1 << 12],
            ends: vec![0; 64],
            fields: 0,
            raw: Vec::new(),
            quoted: Vec::new(),
            line: 0,
            ended: false,
        }
    }

    /// The first record, as names.
    fn header(&mut self) -> Result<Vec<String>> {
        ensure!(
            self.read()?,
            "it is empty: the first line names the columns"
        );
        self.columns = self.fields;
        let names = (0..self.fields).map(|index| {
            let name = std::str::from_utf8(self.bytes(index));
            name.map(str::to_owned)
                .context("the names of its columns are not UTF-8")
        });
        names.collect()
    }

    /// Reads the next record, if there is one.
    fn next(&mut self) -> Result<bool> {
        if !self.read()? {
            return Ok(false);
        }
        ensure!(
            self.fields == self.columns,
            "line {} has {} fields, and the first line names {} columns{}",
            self.line,
            self.fields,
            self.columns,
            if self.columns == 1 {
                ": --delimiter says what stands between fields, as in --delimiter ';'"
            } else {
                ""
            }
        );
        for index in 0..self.fields {
            ensure!(
                std::str::from_utf8(self.bytes(index)).is_ok(),
                "line {}, column {}: it is not UTF-8; `iconv` converts other encodings",
                self.line,
                index + 1
            );
        }
        Ok(true)
    }

    /// A field of the record; nothing where nothing is written, or what stands for a null.
    fn value(&self, index: usize) -> Option<&str> {
        // Checked when the record was read.
        let text = std::str::from_utf8(self.bytes(index)).unwrap_or_default();
        if text.is_empty() {
            let quoted = self.quoted.get(index).copied().unwrap_or_default();
            return quoted.then_some(text);
        }
        let null = self.nulls.iter().any(|null| null == text);
        (!null).then_some(text)
    }

    fn bytes(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[index]]
    }

    fn read(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let (mut length, mut fields) = (0, 0);
        self.raw.clear();
        let first_line = self.core.line();
        loop {
            let input = self.reader.fill_buf()?;
            let (result, taken, put, ends) =
                self.core
                    .read_record(input, &mut self.text[length..], &mut self.ends[fields..]);
            self.raw.extend_from_slice(&input[..taken]);
            self.reader.consume(taken);
            length += put;
            fields += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => break,
                ReadRecordResult::End => {
                    self.ended = true;
                    return Ok(false);
                }
            }
        }
        self.fields = fields;
        // The rest of the last line's end is read with the next record, and so are blank lines.
        let blank = self.raw.iter().take_while(|byte| b"\r\n".contains(byte));
        self.line = first_line + blank.filter(|&&byte| byte == b'\n').count() as u64;
        self.find_quoted();
        Ok(true)
    }

    /// Finds the empty fields that were quoted: they are empty texts, and the others nulls.
    fn find_quoted(&mut self) {
        self.quoted.clear();
        let empty = (0..self.fields).any(|index| self.bytes(index).is_empty());
        if !empty || !self.raw.contains(&b'"') {
            return;
        }
        let mut core = csv_core::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .build();
        let mut field = vec![0; self.raw.len() + 1];
        let mut rest = self.raw.as_slice();
        if let Some(text) = rest.strip_prefix(b"\xef\xbb\xbf") {
            rest = text;
        }
        while self.quoted.len() < self.fields {
            let (result, taken, put) = core.read_field(rest, &mut field);
            let written = &rest[..taken];
            rest = &rest[taken..];
            self.quoted.push(put == 0 && written.contains(&b'"'));
            if !matches!(result, ReadFieldResult::Field { record_end: false }) {
                break;
            }
        }
    }
}

/// Reads records as batches of some of the columns.
pub struct Batches<R> {
    records: Records<R>,
    columns: Columns,
    wanted: Vec<usize>,
    /// What a stream held so far: its types come from its beginning.
    seen: Option<Vec<Kinds>>,
    bounds: Bounds,
    schema: SchemaRef,
    began: bool,
}

impl<R: BufRead> Batches<R> {
    pub fn new(
        reader: R,
        columns: &Columns,
        wanted: Vec<usize>,
        seen: Option<Vec<Kinds>>,
        bounds: Bounds,
    ) -> Result<Self> {
        let delimiter = columns.options.delimiter_of(columns.format);
        Ok(Self {
            records: Records::new(reader, delimiter, &columns.options),
            schema: Arc::new(columns.schema.project(&wanted)?),
            columns: columns.clone(),
            wanted,
            seen,
            bounds,
            began: false,
        })
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        if !self.began {
            self.began = true;
            let names = self.records.header()?;
            ensure!(
                names.len() == self.columns.schema.fields().len(),
                "it changed while it was read"
            );
        }
        let mut builders: Vec<StringBuilder> =
            self.wanted.iter().map(|_| StringBuilder::new()).collect();
        let (mut rows, mut bytes) = (0, 0);
        let mut lines = Vec::new();
        while rows < self.bounds.rows && bytes < self.bounds.bytes {
            if !self.records.next()? {
                break;
            }
            self.check()?;
            for (builder, &index) in builders.iter_mut().zip(&self.wanted) {
                builder.append_option(self.records.value(index));
            }
            lines.push(self.records.line);
            bytes += self.records.raw.len();
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let mut arrays = Vec::with_capacity(builders.len());
        for (builder, field) in builders.iter_mut().zip(self.schema.fields()) {
            let texts: ArrayRef = Arc::new(builder.finish());
            match convert(&texts, field.data_type())? {
                Ok(values) => arrays.push(values),
                Err(misfit) => bail!(misfit_at(
                    lines.get(misfit.row).copied().unwrap_or_default(),
                    field.name(),
                    &misfit.value,
                    field.data_type()
                )),
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        Ok(Some(RecordBatch::try_new_with_options(
            schema, arrays, &options,
        )?))
    }

    /// Whether the types that a stream began with hold this record, too.
    fn check(&mut self) -> Result<()> {
        let Some(seen) = &mut self.seen else {
            return Ok(());
        };
        for &index in &self.wanted {
            let field = self.columns.schema.field(index);
            let declared = self.columns.options.declares(field.name());
            let (Some(value), Some(kinds)) = (self.records.value(index), seen.get_mut(index))
            else {
                continue;
            };
            if declared || value.is_empty() || *field.data_type() == DataType::Utf8 {
                continue;
            }
            kinds.add(value);
            if kinds.data_type() != *field.data_type() {
                bail!(misfit_at(
                    self.records.line,
                    field.name(),
                    value,
                    field.data_type()
                ));
            }
        }
        Ok(())
    }
}

/// What to do about a value that its column does not hold.
pub fn misfit_at(line: u64, name: &str, value: &str, ty: &DataType) -> String {
    let value: String = value.chars().take(60).collect();
    format!(
        "line {line}: `{value}` in the column {name} is no {} without loss; --types {name}=TEXT reads the column as text",
        kind::name(ty)
    )
}

impl<R: BufRead> Iterator for Batches<R> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<Option<String>>> {
        // However the text comes.
        let reader = std::io::BufReader::with_capacity(4, text.as_bytes());
        let mut records = Records::new(reader, b',', &Options::default());
        let names = records.header().unwrap();
        let mut rows = Vec::new();
        while records.next().unwrap() {
            let fields = (0..names.len()).map(|index| records.value(index).map(str::to_owned));
            rows.push(fields.collect());
        }
        rows
    }

    #[test]
    fn empty_is_null_and_quoted_is_not() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows("a,b,c\n,\"\",x\r\n\"\",\"a\"\"b\",\n\"two\nlines\",\"\",\"\"\n"),
            [
                [None, some(""), some("x")],
                [some(""), some("a\"b"), None],
                [some("two\nlines"), some(""), some("")],
            ]
        );
    }

    #[test]
    fn lines_are_counted() {
        for end in ["\n", "\r\n"] {
            let text = format!("a,b{end}1,\"x{end}y\"{end}{end}2{end}");
            let mut records = Records::new(text.as_bytes(), b',', &Options::default());
            records.header().unwrap();
            assert!(records.next().unwrap());
            assert_eq!(records.line, 2);
            let error = records.next().unwrap_err().to_string();
            assert!(error.starts_with("line 5 has 1 fields"), "{error}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_named() {
        let text = b"a,b\n1,2\n\xc3,\xa9\n";
        let error = Header::of(&text[..], b',', &Options::default(), false).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("line 3, column 1: it is not UTF-8"),
            "{error}"
        );
    }
}
