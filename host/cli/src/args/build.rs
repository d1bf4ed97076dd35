//! `wudf build` and `wudf new`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

pub const BUILD_EXAMPLES: &str = "Examples:
  wudf build                                  # the crate that this folder is in
  wudf build plugins/slug -o slug.wasm --precheck
  wudf run \"$(wudf build --quiet)\" titles.csv
  wudf build -- --features fast --offline     # the rest is for cargo";

pub const NEW_EXAMPLES: &str = "Examples:
  wudf new hello && cd hello && wudf build && wudf run
  wudf new hello --path plugins/hello";

#[derive(Args, Debug)]
pub struct BuildArgs {
    /// The plugin crate's folder; the one that this folder is in when left out
    #[arg(value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub path: Option<PathBuf>,

    /// The file to write; target/wudf/NAME.wasm of the crate when left out
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Loads the plugin as a run would, lists its functions, and writes nothing when that fails
    ///
    /// What is compiled on the way stays in the cache, so that the first run begins at once.
    #[arg(long)]
    pub precheck: bool,

    /// Builds with cargo-auditable: the plugin then has the list of its dependencies in it
    #[arg(long)]
    pub auditable: bool,

    /// For `cargo rustc`, as they are
    #[arg(last = true, value_name = "CARGO ARGUMENT")]
    pub cargo: Vec<String>,
}

#[derive(Args, Debug)]
pub struct NewArgs {
    /// The plugin's name, which is that of a crate: letters, digits, `-` and `_`
    #[arg(value_parser = crate::new::crate_name)]
    pub name: String,

    /// The folder to make; one of the plugin's name when left out
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub path: Option<PathBuf>,

    /// A checkout of wudf whose SDK is used, in place of a copy of this program's own in the new crate
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub sdk: Option<PathBuf>,
}
