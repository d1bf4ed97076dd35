//! Exit statuses, as `--help` documents them.

use std::process::ExitCode;

/// How the program ends. What clap finds wrong ends with 2, an interrupt with 130.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Success,
    RowsFailed,
    Stopped,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::RowsFailed => 1,
            Exit::Stopped => 3,
        })
    }
}

/// As shells have it: 128 and the number of SIGINT.
pub const INTERRUPTED: i32 = 130;
