//! `wudf pipe`.

use clap::{Args, ValueEnum};
use wudf::MaxFailures;

use super::values::max_failures;
use super::{FunctionCallArgs, LimitArgs, ModelArgs, RegistryArgs};

pub const EXAMPLES: &str = "Examples:
  wudf pipe ./urls.wasm:domain < urls.arrows > domains.arrows

  # An executable function of ClickHouse, in a file *_function.xml of its configuration:
  <functions>
    <function>
      <type>executable_pool</type>
      <name>embed</name>
      <argument><type>String</type><name>image</name></argument>
      <return_type>Array(Float32)</return_type>
      <format>ArrowStream</format>
      <execute_direct>0</execute_direct>
      <command>exec wudf pipe image-features --as result --threads 1 --quiet \\
        --model resnet50=/models/resnet50.onnx</command>
      <command_read_timeout>600000</command_read_timeout>
    </function>
  </functions>
  # ClickHouse takes columns by name, and functions' results are called `result` there. Strings
  # that are bytes, as pictures are, want its setting output_format_arrow_string_as_string = 0.";

pub const EXIT_CODES: &str = "Exit status:
  0    the input came to its end, or nobody reads the output any more
  2    the command line is wrong
  3    something stopped the run: a row under --on-error raise, a model, the input or the output
  4    the plugin may not run here: its signature, the lock file or its digest
  5    more rows failed than --max-failures allows
  128 and a signal's number (130 for Ctrl-C) after a signal";

#[derive(Args, Debug)]
pub struct PipeArgs {
    /// A .wasm file, the name of a plugin that ships with wudf, or oci://HOST/NAME:TAG, and the function's name
    #[arg(value_name = "PLUGIN[:FUNCTION]")]
    pub plugin: String,

    /// The output column's name; the function's when left out
    #[arg(long = "as", value_name = "NAME")]
    pub rename: Option<String>,

    /// What a failed row does
    #[arg(long, value_name = "WHAT", default_value = "raise")]
    pub on_error: Policy,

    /// Ends when more rows failed than this: a number, or a percentage of the rows so far, as in 2%
    ///
    /// A percentage is judged from 1,000 rows on. For --on-error null and record: raise ends at the first.
    #[arg(long, value_name = "N|P%", value_parser = max_failures)]
    pub max_failures: Option<MaxFailures>,

    #[command(flatten)]
    pub function: FunctionCallArgs,

    #[command(flatten)]
    pub models: ModelArgs,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub registries: RegistryArgs,
}

/// What a failed row does, where there is one output column and nobody to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// Stops the run
    Raise,
    /// Leaves a null
    Null,
    /// Values come as structs of `value` and `error`
    Record,
}
