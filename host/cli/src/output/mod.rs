//! Output: columns to files, to stdout or to the terminal.

mod csv;
mod ipc;
mod json;
mod parquet;
mod place;
mod table;

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use ::parquet::basic::Compression;
use anyhow::{Context as _, Result, bail, ensure};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

pub use place::{Writer, broken_pipe, clean_up_and_exit};

use self::place::Place;
use crate::args::OutputFormat;

/// The rows that a table on the terminal shows.
pub const PREVIEW_ROWS: u64 = 20;

/// What takes batches, in one format.
trait Sink: Send {
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Where output goes and as what: checked before anything is read.
#[derive(Debug, PartialEq)]
pub struct Target {
    format: OutputFormat,
    /// Stdout when there is none.
    path: Option<PathBuf>,
    parquet: ParquetOptions,
}

/// How Parquet is written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ParquetOptions {
    pub compression: Option<Compression>,
    pub row_group_rows: Option<NonZeroUsize>,
}

impl Target {
    /// The same with options, which are Parquet's.
    pub fn with_parquet(mut self, options: ParquetOptions) -> Result<Self> {
        ensure!(
            options == ParquetOptions::default() || self.format == OutputFormat::Parquet,
            "--compression and --row-group-rows are for Parquet, which is not what is written"
        );
        self.parquet = options;
        Ok(self)
    }

    pub fn new(path: Option<&Path>, format: Option<OutputFormat>) -> Result<Self> {
        Self::named(path, format, "--output-format")
    }

    /// A table of failures, beside an output.
    pub fn failures(path: &Path, output: &Self) -> Result<Self> {
        ensure!(
            path != Path::new("-"),
            "--failures needs a file: stdout is for values"
        );
        let same = |other: &Path| std::path::absolute(other).ok() == std::path::absolute(path).ok();
        ensure!(
            !output.path().is_some_and(same),
            "{} is the output: write the failures to another file",
            path.display()
        );
        Self::named(Some(path), None, "--failures FILE.csv")
    }

    /// The same, where another flag says the format.
    pub fn named(path: Option<&Path>, format: Option<OutputFormat>, flag: &str) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self {
                format: format.unwrap_or(OutputFormat::Table),
                path: None,
                parquet: ParquetOptions::default(),
            });
        };
        if path == Path::new("-") {
            let Some(format) = format else {
                bail!("`-o -` needs {flag}: parquet, arrow-stream, csv, tsv, ndjson or table");
            };
            return Ok(Self {
                format,
                path: None,
                parquet: ParquetOptions::default(),
            });
        }
        let format = match format.or_else(|| by_extension(path)) {
            Some(format) => format,
            None => bail!(
                "the extension of {} does not say what to write (.parquet, .arrow, .arrows, .csv, .tsv, .ndjson, \
                 .json): use one of these, or say {flag}",
                path.display()
            ),
        };
        if path.is_dir() {
            bail!("{} is a folder", path.display());
        }
        Ok(Self {
            format,
            path: Some(path.to_owned()),
            parquet: ParquetOptions::default(),
        })
    }

    #[cfg(feature = "sql")]
    pub fn is_table(&self) -> bool {
        self.format == OutputFormat::Table
    }

    /// Whether only the first rows will be looked at.
    pub fn is_preview(&self) -> bool {
        self.path.is_none() && self.format == OutputFormat::Table
    }

    /// Whether the output is text in which columns are as they were written.
    pub fn is_csv(&self) -> bool {
        matches!(self.format, OutputFormat::Csv | OutputFormat::Tsv)
    }

    pub fn is_stdout(&self) -> bool {
        self.path.is_none()
    }

    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Begins the output.
    pub fn create(&self, schema: &SchemaRef) -> Result<Output> {
        let name = self
            .path
            .as_ref()
            .map_or("stdout".into(), |path| path.display().to_string());
        let (place, writer) = match &self.path {
            Some(path) => Place::beside(path).with_context(|| format!("cannot write {name}"))?,
            None => Place::stdout(),
        };
        let sink: Box<dyn Sink> = match self.format {
            OutputFormat::Parquet => Box::new(parquet::Parquet::new(writer, schema, self.parquet)?),
            OutputFormat::Arrow => Box::new(ipc::File::new(writer, schema)?),
            OutputFormat::ArrowStream => Box::new(ipc::Stream::new(writer, schema)?),
            OutputFormat::Csv => Box::new(csv::Csv::new(writer, schema, b',')),
            OutputFormat::Tsv => Box::new(csv::Csv::new(writer, schema, b'\t')),
            OutputFormat::Ndjson => Box::new(json::Ndjson::new(writer)),
            OutputFormat::Json => Box::new(json::Json::new(writer)),
            OutputFormat::Table => Box::new(table::Table::new(writer, schema)),
        };
        Ok(Output { name, sink, place })
    }
}

/// Output that is being written; dropped before [`finish`](Output::finish), it leaves nothing behind.
pub struct Output {
    name: String,
    // Dropped first: it holds the file that `place` would remove.
    sink: Box<dyn Sink>,
    place: Place,
}

impl Output {
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.sink
            .write(batch)
            .with_context(|| format!("cannot write {}", self.name))
    }

    /// Completes the output and puts it in its place.
    pub fn finish(self) -> Result<()> {
        let Self { name, sink, place } = self;
        sink.finish()
            .and_then(|()| place.keep())
            .with_context(|| format!("cannot write {name}"))
    }
}

/// Stdout for bytes, which go when they are flushed.
pub fn stdout() -> Writer {
    Place::stdout().1
}

/// Text to stdout.
pub fn print(text: &str) -> Result<()> {
    let mut writer = stdout();
    let plain = anstream::AutoStream::choice(&std::io::stdout()) == anstream::ColorChoice::Never;
    let text = if plain {
        anstream::adapter::strip_str(text).to_string()
    } else {
        text.to_owned()
    };
    writer
        .write_all(text.as_bytes())
        .and_then(|()| writer.flush())
        .context("cannot write stdout")
}

/// A style for [`print`].
pub fn bold() -> anstyle::Style {
    anstyle::Style::new().bold()
}

/// Bytes to a file that appears when it is complete.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let (place, mut writer) = Place::beside(path)?;
    writer.write_all(bytes)?;
    writer.flush()?;
    drop(writer);
    place.keep()
}

/// A copy of a file, which appears when it is complete.
pub fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let (place, mut writer) = Place::beside(to)?;
    std::io::copy(&mut std::fs::File::open(from)?, &mut writer)?;
    writer.flush()?;
    drop(writer);
    place.keep()
}

/// Bytes to a new file that nobody else may read.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
        // A part of a key is none.
        let _ = std::fs::remove_file(path);
        return Err(error.into());
    }
    Ok(())
}

fn by_extension(path: &Path) -> Option<OutputFormat> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "parquet" => OutputFormat::Parquet,
        "arrow" | "ipc" | "feather" => OutputFormat::Arrow,
        "arrows" => OutputFormat::ArrowStream,
        "csv" => OutputFormat::Csv,
        "tsv" => OutputFormat::Tsv,
        "ndjson" | "jsonl" => OutputFormat::Ndjson,
        "json" => OutputFormat::Json,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Float32Type, Int64Type};
    use arrow_array::{
        Array as _, ArrayRef, FixedSizeListArray, Int64Array, ListArray, StringArray,
    };

    use super::*;
    use crate::input::{self, Bounds};

    fn batch() -> RecordBatch {
        let lists = [
            Some(vec![Some(0.5f32), Some(-1.0)]),
            None,
            Some(vec![Some(2.0), Some(0.25)]),
        ];
        let list = ListArray::from_iter_primitive::<Float32Type, _, _>(lists.clone());
        let fixed = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(lists, 2);
        RecordBatch::try_from_iter([
            ("n", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
            (
                "text",
                Arc::new(StringArray::from(vec![Some("a,\"b\""), None, Some("ü")])),
            ),
            ("list", Arc::new(list)),
            ("fixed", Arc::new(fixed)),
        ])
        .unwrap()
    }

    fn write(name: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let batch = batch();
        let mut output = Target::new(Some(&path), None)
            .unwrap()
            .create(&batch.schema())
            .unwrap();
        output.write(&batch.slice(0, 2)).unwrap();
        output.write(&batch.slice(2, 1)).unwrap();
        assert!(!path.exists());
        output.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        (folder, path)
    }

    fn read(path: &Path) -> RecordBatch {
        let names = [path.to_str().unwrap().to_owned()];
        let settings = input::Settings::default();
        let input = input::open(&names, None, &[], &settings, Bounds::default()).unwrap();
        let schema = input.schema.clone();
        let chunks = input.read_all().unwrap();
        let batches: Vec<_> = chunks.map(|chunk| chunk.unwrap().batch).collect();
        arrow_select::concat::concat_batches(&schema, &batches).unwrap()
    }

    #[test]
    fn binary_formats_keep_everything() {
        for name in ["a.parquet", "a.arrow", "a.arrows", "a.feather"] {
            let (_folder, path) = write(name);
            let found = read(&path);
            assert_eq!(found.columns(), batch().columns(), "{name}");
        }
    }

    #[test]
    fn csv_holds_lists_as_json() {
        let (_folder, path) = write("a.csv");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "n,text,list,fixed\n1,\"a,\"\"b\"\"\",\"[0.5,-1.0]\",\"[0.5,-1.0]\"\n2,,,\n3,ü,\"[2.0,0.25]\",\"[2.0,0.25]\"\n"
        );
        let found = read(&path);
        assert_eq!(
            found.column(0).as_primitive::<Int64Type>().values(),
            &[1, 2, 3]
        );
        assert_eq!(found.column(1).as_string::<i32>().value(0), "a,\"b\"");
    }

    #[test]
    fn ndjson_says_null() {
        let (_folder, path) = write("a.ndjson");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text.lines().nth(1),
            Some(r#"{"n":2,"text":null,"list":null,"fixed":null}"#)
        );
        let found = read(&path);
        assert_eq!(found.column(2).as_list::<i32>().value_length(0), 2);
        assert!(found.column(2).is_null(1));
    }

    #[test]
    fn output_that_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        std::fs::write(&path, "as it was").unwrap();
        let batch = batch();
        let mut output = Target::new(Some(&path), None)
            .unwrap()
            .create(&batch.schema())
            .unwrap();
        output.write(&batch).unwrap();
        drop(output);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "as it was");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_format_must_be_clear() {
        assert!(Target::new(Some(Path::new("a.txt")), None).is_err());
        assert!(Target::new(Some(Path::new("-")), None).is_err());
        let target = Target::new(Some(Path::new("a.txt")), Some(OutputFormat::Csv)).unwrap();
        assert_eq!(target.format, OutputFormat::Csv);
        assert!(Target::new(None, None).unwrap().is_preview());
    }
}
