//! Exit statuses, as `--help` documents them.

use std::process::ExitCode;

use wudf::{Error, ErrorKind};

use crate::failures::{RowFailed, are_too_many};

/// How the program ends. What clap finds wrong ends with 2, a signal with 128 and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Success,
    RowsFailed,
    /// Of a test: the output is not the expected one.
    Differs,
    Stopped,
    /// The plugin may not run here.
    Refused,
    TooManyFailures,
}

impl Exit {
    /// How the program ends with this error.
    pub fn of(error: &anyhow::Error) -> Self {
        let refused = |error: &Error| error.kind() == ErrorKind::Refused;
        let refused_by_registry =
            |error: &wudf_registry::Error| wudf_adapter::registries::is_refusal(error.kind());
        if error.is::<RowFailed>() {
            Self::RowsFailed
        } else if are_too_many(error) {
            Self::TooManyFailures
        } else if error.downcast_ref::<Error>().is_some_and(refused)
            || error
                .downcast_ref::<wudf_registry::Error>()
                .is_some_and(refused_by_registry)
        {
            Self::Refused
        } else {
            Self::Stopped
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::RowsFailed | Exit::Differs => 1,
            Exit::Stopped => 3,
            Exit::Refused => 4,
            Exit::TooManyFailures => 5,
        })
    }
}
