//! What is watched of a run.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use wudf::MaxFailures;

use super::values::{max_failures, seconds};

#[derive(Args, Debug)]
#[command(next_help_heading = "Failures and statistics")]
pub struct WatchArgs {
    /// Stops the run when more rows failed than this: a number, or a percentage of the rows, as in 2%
    ///
    /// A percentage is judged from 1,000 rows on, and at the end. No output is written then, and the exit status is 5.
    #[arg(long, value_name = "N|P%", value_parser = max_failures)]
    pub max_failures: Option<MaxFailures>,

    /// Writes the rows that failed to a table of their own: path, row, code and message
    ///
    /// The extension says what is written, as for -o. The file is also written when failed rows stop the run.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub failures: Option<PathBuf>,

    /// Names the rows that took longer than this, as 2s or 0.5, without waiting for models
    ///
    /// Where the plugin had several rows in one call, all of them are named. The first few are printed, the others
    /// counted.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub slow: Option<Duration>,

    /// Prints at the end what was done, and where the time went
    #[arg(long)]
    pub stats: bool,
}
