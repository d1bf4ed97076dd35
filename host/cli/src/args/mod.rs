//! The command line: parsed here, acted on elsewhere.

mod build;
mod pipe;
mod registry;
mod sql;
mod values;
mod watch;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Context as _;
use arrow_schema::DataType;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use parquet::basic::Compression;
use wudf::Cache;

pub use build::{BuildArgs, Lang, NewArgs, TestArgs};
pub use pipe::{PipeArgs, Policy};
pub use registry::{
    KeyCommand, ListArgs, PullArgs, PushArgs, RegistryArgs, RemoveArgs, SignArgs, UpdateArgs,
    VerifyArgs,
};
pub use sql::SqlArgs;
use values::{column_type, compression, delimiter, key_value, memory_size, seconds};
pub use watch::WatchArgs;

use crate::input::TextOptions;

const EXIT_CODES: &str = "Exit status:
  0    everything went well
  1    some rows failed (see --on-error of `wudf run`)
  2    the command line is wrong
  3    something stopped the run: the plugin, a model, the input or the output
  4    the plugin may not run here: its signature, the lock file or its digest
  5    more rows failed than --max-failures allows; no output is written
  128 and a signal's number (130 for Ctrl-C) after a signal; nothing is left behind";

const EXAMPLES: &str = "Examples:
  wudf demo
  wudf run image-features photos/ -o features.parquet --model resnet50=resnet50.onnx
  wudf sql \"CREATE FUNCTION ...; SELECT path, embed(content) FROM 'photos/'\"
  wudf inspect image-features
  wudf doctor";

const RUN_EXAMPLES: &str = "Examples:
  # A folder of photographs to vectors; seeded: gives untrained weights, good for a trial.
  wudf run image-features photos/ -o features.parquet --model resnet50=seeded:resnet50

  # The same over the column `bytes` of the struct column `image` in Parquet files.
  wudf run image-features 'shards/*.parquet' --column image.bytes -o features.parquet \\
      --model resnet50=resnet50.onnx

  # With other options of the function, as NDJSON, in a pipe.
  wudf run image-features photos/ -o - --output-format ndjson --option layer=logits \\
      --model resnet50=resnet50.onnx | head

  # Your own plugin over a table; without -o, its first rows on the terminal.
  wudf run ./plugin.wasm:slug titles.csv --column title

  # A function of Python source: def words(title: str) -> int: return len(title.split())
  wudf run python:words --source words.py titles.csv -o words.parquet

  # CSV with semicolons and NA for nulls, where codes that look like numbers are text.
  wudf run ./plugin.wasm:slug titel.csv --column titel --delimiter ';' --null NA \\
      --types plz=TEXT,konto=TEXT -o slugs.parquet

  # A job that stops when more than 2% of the rows fail, and keeps those that do in a table.
  wudf run image-features photos/ -o features.parquet --model resnet50=resnet50.onnx \\
      --max-failures 2% --failures failures.csv --slow 2s --stats

  # In a plugin's folder: what `wudf build` made, over the example that Cargo.toml or wudf.toml names.
  wudf run
  wudf run --function slug";

const INSPECT_EXAMPLES: &str = "Examples:
  wudf inspect image-features
  wudf inspect ./plugin.wasm --json";

const MODEL_EXAMPLES: &str = "Examples:
  wudf model seed resnet50 -o resnet50.onnx
  wudf model list";

const DOCTOR_EXAMPLES: &str = "Examples:
  wudf doctor
  wudf doctor --json";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  wudf completions bash > ~/.local/share/bash-completion/completions/wudf
  wudf completions zsh > ~/.zfunc/_wudf";

const MAN_EXAMPLES: &str = "Examples:
  wudf man ~/.local/share/man/man1
  wudf man . && man ./wudf-run.1";

const DEMO_EXAMPLES: &str = "Examples:
  wudf demo
  wudf demo --photos ~/Pictures/holiday --out holiday-neighbours";

/// Runs WebAssembly UDFs over files and tables.
///
/// A plugin is one .wasm file of functions that take columns and give a column. It runs in a sandbox; the models that it
/// asks for run on this machine's own hardware.
#[derive(Debug, Parser)]
#[command(name = "wudf", version, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub struct Cli {
    #[command(flatten)]
    pub talk: Talk,

    #[command(subcommand)]
    pub command: Command,
}

/// How much is said on stderr, and in what colours.
#[derive(Args, Clone, Copy, Debug)]
pub struct Talk {
    /// Print more on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Messages")]
    pub verbose: u8,

    /// Print errors only
    #[arg(short, long, global = true, help_heading = "Messages")]
    pub quiet: bool,

    /// When to use colours; `auto` also heeds NO_COLOR
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        help_heading = "Messages"
    )]
    pub color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a plugin's function over files or tables
    #[command(after_help = RUN_EXAMPLES, after_long_help = format!("{RUN_EXAMPLES}\n\n{EXIT_CODES}"))]
    Run(Box<RunArgs>),

    /// Runs SQL, with plugins' functions in it
    #[command(
        after_help = sql::EXAMPLES,
        after_long_help = format!("{}\n\n{}\n\n{}", sql::EXAMPLES, sql::STATEMENTS, sql::EXIT_CODES)
    )]
    Sql(Box<SqlArgs>),

    /// Runs a plugin's function over an Arrow stream, from stdin to stdout
    ///
    /// Reads batches on stdin and writes a batch of one column, with as many rows, for each as soon as it is computed:
    /// for engines that call programs. Arguments are the columns of their names, else the columns in order. Several
    /// streams may follow one another, as pools of processes get them; whoever sends them reads as many rows as were
    /// sent, and only the last stream has an end mark.
    #[command(after_help = pipe::EXAMPLES, after_long_help = format!("{}\n\n{}", pipe::EXAMPLES, pipe::EXIT_CODES))]
    Pipe(Box<PipeArgs>),

    /// Says what a plugin offers and what it asks for
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(InspectArgs),

    /// Creates a plugin: sources with one function, an example and its expected output
    ///
    /// In Rust with the SDK. In Python, JavaScript and C a WIT file declares the functions, and wudf.toml says how they
    /// are built.
    #[command(after_help = build::NEW_EXAMPLES)]
    New(NewArgs),

    /// Builds a plugin: one .wasm file
    ///
    /// A folder with a Cargo.toml is compiled with cargo for wasm32-wasip2, with SIMD and link-time optimization and
    /// without debug information: the same sources give the same file in every folder. A folder with a wudf.toml is built
    /// with componentize-py, componentize-js or clang.
    ///
    /// The file has in it what the manifest says: name, version, description, license, authors, repository and home page,
    /// and the git revision of the sources. It is loaded as a run would load it, its functions are listed, and nothing is
    /// written when that fails. Its path is printed on stdout.
    #[command(after_help = build::BUILD_EXAMPLES)]
    Build(BuildArgs),

    /// Builds a plugin, runs it over its examples and compares the output with what is expected
    ///
    /// The examples are those of `wudf run` without arguments, and the `tests` beside them in Cargo.toml or wudf.toml. The
    /// expected output is NDJSON in the plugin's folder: example.expected.ndjson for example.csv, NAME.expected.ndjson for
    /// the test NAME.
    #[command(
        after_help = build::TEST_EXAMPLES,
        after_long_help = format!("{}\n\n{}", build::TEST_EXAMPLES, build::TEST_EXIT_CODES)
    )]
    Test(TestArgs),

    /// Puts a plugin or a model into a registry
    #[command(after_help = registry::PUSH_EXAMPLES)]
    Push(PushArgs),

    /// Gets a plugin or a model from a registry
    #[command(after_help = registry::PULL_EXAMPLES)]
    Pull(PullArgs),

    /// Lists what was pulled
    #[command(after_help = registry::LIST_EXAMPLES)]
    List(ListArgs),

    /// Removes what was pulled
    #[command(after_help = registry::REMOVE_EXAMPLES)]
    Remove(RemoveArgs),

    /// Pins references in the lock file, and moves those that are pinned
    #[command(after_help = registry::UPDATE_EXAMPLES)]
    Update(UpdateArgs),

    /// Makes keys that sign
    #[command(subcommand, after_help = registry::KEY_EXAMPLES)]
    Key(KeyCommand),

    /// Signs a plugin, in its registry or beside its file
    #[command(after_help = registry::SIGN_EXAMPLES)]
    Sign(SignArgs),

    /// Says who signed a plugin
    #[command(after_help = registry::VERIFY_EXAMPLES, after_long_help = registry::VERIFY_LONG)]
    Verify(VerifyArgs),

    /// Makes and lists models
    #[command(subcommand, after_help = MODEL_EXAMPLES)]
    Model(ModelCommand),

    /// Says what this machine has: backends, processor, cache, plugins
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),

    /// Shows it all: pictures to vectors to a page of nearest neighbours
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),

    /// Prints a completion script for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },

    /// Write the man pages into a folder
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// The folder, which is made when it is missing
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
}

#[derive(Args, Debug)]
pub struct RunArgs {
    /// A .wasm file, the name of a plugin that ships with wudf, or oci://HOST/NAME:TAG, and the function's name
    ///
    /// The function may be left out where the plugin has only one, or one of the plugin's own name (image-features:
    /// image_features).
    #[arg(value_name = "PLUGIN[:FUNCTION]")]
    pub plugin: String,

    /// What to read: folders, files, globs, or `-` for stdin
    ///
    /// Files that end in .parquet, .arrow, .ipc, .feather, .arrows, .csv, .tsv, .ndjson or .jsonl are tables (texts also
    /// with .gz or .zst behind that); several are read one after the other and must have the same columns. All other
    /// files, and everything in folders (sorted, hidden files left out), become one row each, with the columns `path`,
    /// `modificationTime`, `length` and `content`, as Spark's binaryFile has them. A folder whose name ends like a
    /// table's is read as the part files of that table, and folders like `year=2024` below it, or below a pattern,
    /// become columns. `-` reads an Arrow stream, NDJSON or CSV from stdin.
    #[arg(value_name = "INPUT", required = true, value_hint = ValueHint::AnyPath)]
    pub inputs: Vec<String>,

    #[command(flatten)]
    pub output: OutputArgs,

    #[command(flatten)]
    pub watch: WatchArgs,

    #[command(flatten)]
    pub function: FunctionArgs,

    #[command(flatten)]
    pub input: InputArgs,

    #[command(flatten)]
    pub models: ModelArgs,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub registries: RegistryArgs,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// The file to write, or `-` for stdout; a table of the first rows on the terminal when left out
    ///
    /// The extension says what is written: .parquet, .arrow/.ipc/.feather (an Arrow file), .arrows (an Arrow stream),
    /// .csv, .tsv, .ndjson/.jsonl. The file appears under its name when it is complete, and not at all when the run
    /// is stopped.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// What to write, whatever the extension
    #[arg(long, value_name = "FORMAT")]
    pub output_format: Option<OutputFormat>,

    /// The new column's name; the function's when left out
    #[arg(long = "as", value_name = "NAME")]
    pub rename: Option<String>,

    /// What a failed row does
    #[arg(long, value_name = "WHAT", default_value = "record")]
    pub on_error: OnError,

    /// Carries the column `content` of binary files over to the output, which otherwise drops it
    #[arg(long)]
    pub keep_content: bool,

    /// Leaves a column of the input out of the output; may be repeated
    #[arg(long, value_name = "COLUMN")]
    pub drop: Vec<String>,

    /// Takes only these columns of the input to the output, none with `--select ''`; may be repeated
    #[arg(
        long,
        value_name = "COLUMN,...",
        value_delimiter = ',',
        conflicts_with = "drop"
    )]
    pub select: Option<Vec<String>>,

    /// How Parquet is compressed: none, snappy, gzip, lz4, brotli or zstd, with a level as in zstd:9 [default: snappy]
    #[arg(long, value_name = "CODEC[:LEVEL]", value_parser = compression)]
    pub compression: Option<Compression>,

    /// The most rows in a row group of Parquet; one also ends at 64 MiB
    #[arg(long, value_name = "ROWS")]
    pub row_group_rows: Option<NonZeroUsize>,
}

/// What a function is given beside columns.
#[derive(Args, Debug)]
#[command(next_help_heading = "Function")]
pub struct FunctionCallArgs {
    /// The function, in place of PLUGIN:FUNCTION
    #[arg(long, value_name = "NAME")]
    pub function: Option<String>,

    /// An option of the function (see `wudf inspect`); may be repeated
    ///
    /// VALUE is JSON where the option wants a number, a boolean, a list or an object, and a string otherwise.
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = key_value)]
    pub options: Vec<(String, String)>,

    /// The source of a function of the plugin `python`: a file that becomes the option `source`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub source: Option<PathBuf>,

    /// Grants a file to the plugin as an asset, under a name; may be repeated
    #[arg(long = "asset", value_name = "NAME=PATH", value_parser = key_value)]
    pub assets: Vec<(String, String)>,
}

impl FunctionCallArgs {
    /// The options as the function's JSON Schema wants them, with the text of --source among them.
    pub fn options(&self, schema: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
        let mut options = self.options.clone();
        if let Some(file) = &self.source {
            let text = std::fs::read_to_string(file);
            let text = text.with_context(|| format!("cannot read {}", file.display()))?;
            options.push(("source".to_owned(), text));
        }
        Ok(wudf_adapter::options::parse(&options, schema)?)
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Function")]
pub struct FunctionArgs {
    #[command(flatten)]
    pub call: FunctionCallArgs,

    /// The column that feeds an argument, in the order of the arguments; may be repeated
    ///
    /// `a.b` is the field b of a struct column a. When left out: the column of the argument's name, else the only one
    /// whose type fits; `content` for binary files.
    #[arg(long = "column", value_name = "COLUMN")]
    pub columns: Vec<String>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// What the input is, whatever the extensions
    #[arg(long, value_name = "FORMAT")]
    pub input_format: Option<InputFormat>,

    /// Reads this many rows at most; 20 when there is no -o
    #[arg(long, value_name = "ROWS")]
    pub limit: Option<u64>,

    #[command(flatten)]
    pub text: TextArgs,
}

/// How texts are read.
#[derive(Args, Debug)]
#[command(next_help_heading = "CSV and NDJSON")]
pub struct TextArgs {
    /// What stands between the fields of CSV: one character, or \t
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub delimiter: Option<u8>,

    /// What stands for a null, besides an empty field; may be repeated
    #[arg(long = "null", value_name = "TEXT")]
    pub nulls: Vec<String>,

    /// Reads all columns as text
    #[arg(long)]
    pub all_text: bool,

    /// The types of columns, in place of those that hold all of a file's values
    ///
    /// TYPE is TEXT, BOOLEAN, TINYINT, SMALLINT, INT, BIGINT (each also UNSIGNED), FLOAT, DOUBLE, DATE, TIMESTAMP,
    /// TIMESTAMP_NS or TIMESTAMPTZ. A value that does not fit stops the run.
    #[arg(long, value_name = "COLUMN=TYPE,...", value_delimiter = ',', value_parser = column_type)]
    pub types: Vec<(String, DataType)>,
}

impl TextArgs {
    pub fn options(&self) -> TextOptions {
        TextOptions {
            delimiter: self.delimiter,
            nulls: self.nulls.clone(),
            all_text: self.all_text,
            types: self.types.clone(),
        }
    }
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Models")]
pub struct ModelArgs {
    /// What a model that the plugin asks for is; may be repeated
    ///
    /// SOURCE is an ONNX file, an https:// address, oci://HOST/NAME:TAG, or seeded:NAME (see `wudf model list`) for untrained weights.
    /// Settings may follow, each behind a comma: backend=openvino, precision=bf16, batch=8.
    #[arg(long = "model", value_name = "NAME=SOURCE[,SETTING]...")]
    pub models: Vec<String>,

    /// What runs the models (see `wudf doctor`); rten when left out, or the one whose library is named
    #[arg(long, value_name = "NAME")]
    pub backend: Option<String>,

    /// The ONNX Runtime library to load
    #[arg(long, value_name = "LIB", env = "WUDF_ONNXRUNTIME", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub onnxruntime: Option<PathBuf>,

    /// The OpenVINO library to load, libopenvino_c
    #[arg(long, value_name = "LIB", env = "WUDF_OPENVINO", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub openvino: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Threads that run the plugin; one per core when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// The memory that one instance of the plugin may use, from 1MiB to 4GiB [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub memory: Option<u64>,

    /// The seconds that the plugin may take for one row's call
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub time_limit: Option<std::time::Duration>,

    /// Neither reads nor writes the cache of compiled plugins
    #[arg(long)]
    pub no_cache: bool,
}

impl LimitArgs {
    /// The bytes of memory for an instance.
    pub fn memory(&self) -> anyhow::Result<Option<usize>> {
        let memory = self.memory.map(usize::try_from).transpose();
        memory.context("--memory is more than this machine can address")
    }

    /// Where compiled plugins are kept.
    pub fn cache(&self) -> Cache {
        if self.no_cache {
            Cache::Off
        } else {
            Cache::User
        }
    }
}

#[derive(Args, Debug)]
pub struct InspectArgs {
    /// A .wasm file, the name of a plugin that ships with wudf, or oci://HOST/NAME:TAG
    #[arg(value_hint = ValueHint::FilePath)]
    pub plugin: String,

    /// Prints JSON
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub registries: RegistryArgs,
}

#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Writes a model with seeded, untrained weights as an ONNX file
    Seed {
        /// The model's name; `wudf model list` names them
        name: String,

        /// The file to write
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: PathBuf,

        /// The seed: equal seeds give equal files
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },

    /// Lists the models that can be seeded, and those that were downloaded
    List {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Prints JSON
    #[arg(long)]
    pub json: bool,

    /// The ONNX Runtime library to look at
    #[arg(long, value_name = "LIB", env = "WUDF_ONNXRUNTIME", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub onnxruntime: Option<PathBuf>,

    /// The OpenVINO library to look at
    #[arg(long, value_name = "LIB", env = "WUDF_OPENVINO", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub openvino: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Pictures of your own, in place of those that the demo draws
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub photos: Option<PathBuf>,

    /// The folder to write
    #[arg(long, value_name = "DIR", default_value = "demo-output", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,

    /// The ResNet-50 to use in place of untrained weights: an ONNX file or an https:// address
    #[arg(long, value_name = "SOURCE")]
    pub model: Option<String>,

    /// What runs the model (see `wudf doctor`); rten when left out, or the one whose library is named
    #[arg(long, value_name = "NAME")]
    pub backend: Option<String>,

    /// The ONNX Runtime library to load
    #[arg(long, value_name = "LIB", env = "WUDF_ONNXRUNTIME", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub onnxruntime: Option<PathBuf>,

    /// The OpenVINO library to load, libopenvino_c
    #[arg(long, value_name = "LIB", env = "WUDF_OPENVINO", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub openvino: Option<PathBuf>,

    /// Threads that run the plugin; one per core when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// What a failed row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnError {
    /// Stops the run; no output is written
    Fail,
    /// Leaves a null
    Null,
    /// Leaves a null, and says why in a column `error`
    Record,
}

/// What input can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    Parquet,
    /// An Arrow IPC file or stream
    Arrow,
    Csv,
    Tsv,
    Ndjson,
    /// Any file as one row
    Binary,
}

/// What output can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    Parquet,
    /// An Arrow IPC file
    Arrow,
    /// An Arrow IPC stream
    ArrowStream,
    Csv,
    Tsv,
    Ndjson,
    /// One JSON array of all rows
    Json,
    /// A table for people
    Table,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
