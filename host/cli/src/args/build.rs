//! `wudf build`, `wudf new` and `wudf test`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

pub const BUILD_EXAMPLES: &str = "Examples:
  wudf build                                  # the plugin whose folder this is
  wudf build plugins/slug -o slug.wasm
  wudf run \"$(wudf build --quiet)\" titles.csv
  wudf build -- --features fast --offline     # arguments for cargo";

pub const NEW_EXAMPLES: &str = "Examples:
  wudf new hello && cd hello && wudf build && wudf run
  wudf new hello --lang python
  wudf new hello --path plugins/hello";

pub const TEST_EXAMPLES: &str = "Examples:
  wudf test                                   # builds, runs the examples, compares
  wudf test --bless                           # writes the output as what is expected";

pub const TEST_EXIT_CODES: &str = "Exit status:
  0    the output is the expected one
  1    the output differs from what is expected, or nothing is expected yet
  2    the command line is wrong
  3    something stopped the test: the build, the plugin, a model or the examples
  128 and a signal's number (130 for Ctrl-C) after a signal";

#[derive(Args, Debug)]
pub struct BuildArgs {
    /// The plugin's folder; the one around the current folder by default
    #[arg(value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub path: Option<PathBuf>,

    /// The file to write [default: target/wudf/NAME.wasm in the plugin's folder]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Build with cargo-auditable: the plugin then has the list of its dependencies in it (Rust only)
    #[arg(long)]
    pub auditable: bool,

    /// Arguments for the compiler: `cargo rustc`, componentize-py or clang
    #[arg(last = true, value_name = "ARGUMENT")]
    pub tool: Vec<String>,
}

#[derive(Args, Debug)]
pub struct NewArgs {
    /// The plugin's name: letters, digits, `-` and `_`
    #[arg(value_parser = crate::new::crate_name)]
    pub name: String,

    /// The language
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    pub lang: Lang,

    /// The folder to create [default: one with the plugin's name]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub path: Option<PathBuf>,

    /// Whether to put a copy of the SDK into the folder (Rust only)
    ///
    /// Without the copy cargo fetches it from crates.io, where it is not published yet.
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, default_value_t = true, num_args = 0..=1,
          require_equals = true, default_missing_value = "true")]
    pub vendored: bool,

    /// A checkout of wudf whose SDK is used, in place of a copy (Rust only)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub sdk: Option<PathBuf>,
}

/// What plugins are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Rust, with the SDK: the fastest plugins; needs rustup's target wasm32-wasip2
    Rust,
    /// Python, with componentize-py
    Python,
    /// JavaScript, with componentize-js
    Js,
    /// C, with clang and wasi-libc
    C,
}

#[derive(Args, Debug)]
pub struct TestArgs {
    /// The plugin's folder; the one around the current folder by default
    #[arg(value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub path: Option<PathBuf>,

    /// Write the output as what is expected, in place of comparing it
    #[arg(long)]
    pub bless: bool,

    /// Arguments for the compiler: `cargo rustc`, componentize-py or clang
    #[arg(last = true, value_name = "ARGUMENT")]
    pub tool: Vec<String>,
}
