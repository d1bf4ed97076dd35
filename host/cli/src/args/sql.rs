//! `wudf sql`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::values::key_value;
use super::{LimitArgs, ModelArgs, OutputFormat, RegistryArgs};

pub const EXAMPLES: &str = "Examples:
  # Vectors of the photographs in a folder, to a file.
  wudf sql \"CREATE FUNCTION embed(image BYTEA) RETURNS FLOAT[] LANGUAGE wasm AS 'image-features';
            SELECT path, embed(content) AS features FROM 'photos/'\" \\
      --model resnet50=resnet50.onnx -o features.parquet

  # Options of the function follow a question mark; failed rows are null.
  wudf sql \"CREATE FUNCTION logits(image BYTEA) LANGUAGE wasm
              AS 'image-features?layer=logits&on_error=null';
            SELECT path, logits(content) FROM 'photos/*.jpg' WHERE length < 1000000\" \\
      --model resnet50=resnet50.onnx --format ndjson

  # Your own plugin over a table.
  wudf sql \"CREATE FUNCTION domain(url TEXT) LANGUAGE wasm AS './urls.wasm:domain';
            SELECT domain(url) AS site, count(*) AS links FROM 'links.csv' GROUP BY site\"

  # A function of Python source.
  wudf sql 'CREATE FUNCTION words(title TEXT) RETURNS INT LANGUAGE python AS $$
            def words(title: str) -> int:
                return len(title.split())
            $$;
            SELECT title, words(title) FROM \"titles.csv\"'

  wudf sql --file job.sql -o result.csv
  wudf sql                                   # interactive";

/// The statements, for `--help`.
pub const STATEMENTS: &str = "Statements:
  SELECT ... FROM 'FILES'
      FILES are a folder, a file or a glob, as INPUT of `wudf run`: tables by their extension, all
      else a row each with the columns path, modificationTime, length and content. '-' is stdin.
  CREATE FUNCTION NAME(ARGUMENT TYPE, ...) [RETURNS TYPE] LANGUAGE wasm
      AS 'PLUGIN[:FUNCTION][?NAME=VALUE&...]'
      PLUGIN is a .wasm file, the name of a plugin that ships with wudf, or oci://HOST/NAME:TAG.
      After the question mark come options of the function (see `wudf inspect`), on_error=raise (the
      query stops; the default), null or record (a struct of value and error), max_failures=N or P%
      (beside null and record: the query stops when more rows failed), digest=sha256:HEX,
      model.NAME=SOURCE and asset.NAME=FILE.
  CREATE FUNCTION NAME(ARGUMENT TYPE, ...) [RETURNS TYPE] LANGUAGE python AS $$ SOURCE $$
      The function of that name in the source, with types in annotations: def NAME(a: str) -> int.
  CREATE EXTERNAL TABLE NAME STORED AS BINARYFILE LOCATION 'FILES'
      PARQUET, CSV, JSON and ARROW work, too, and so does the rest of DataFusion's SQL.";

pub const EXIT_CODES: &str = "Exit status:
  0    everything went well; rows that failed under on_error=null or record do not change it
  2    the command line is wrong
  3    something stopped the run: a statement, a row under on_error=raise, the input or the output
  4    a plugin may not run here: its signature, the lock file or its digest
  5    more rows failed than max_failures allows
  128 and a signal's number (130 for Ctrl-C) after a signal; nothing is left behind";

#[derive(Args, Debug)]
pub struct SqlArgs {
    /// The statements, separated by `;`
    ///
    /// When left out they are read from --file, else from stdin; at a terminal they are asked for.
    #[arg(value_name = "SQL", conflicts_with = "file")]
    pub sql: Option<String>,

    /// Reads the statements from a file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    /// The file to write, or `-` for stdout
    ///
    /// The extension says what is written: .parquet, .arrow/.ipc/.feather (an Arrow file), .arrows (an Arrow stream),
    /// .csv, .tsv, .ndjson/.jsonl, .json. The file appears under its name when it is complete, and not at all when
    /// the run is stopped. Only one of the statements may have a result then.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// What to write; a table when there is no OUT
    ///
    /// A table shows the first 1,000 rows; everything else is all of them.
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<OutputFormat>,

    /// Grants a file to the plugins as an asset, under a name; may be repeated
    #[arg(long = "asset", value_name = "NAME=PATH", value_parser = key_value, help_heading = "Function")]
    pub assets: Vec<(String, String)>,

    #[command(flatten)]
    pub models: ModelArgs,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub registries: RegistryArgs,

    /// Prints at the end what each function did, and where its time went
    #[arg(long, help_heading = "Messages")]
    pub stats: bool,
}
