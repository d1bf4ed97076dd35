//! What goes wrong with models.

use std::fmt;

/// What kind of thing went wrong with a model; the codes of wasi:nn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An input's name, type or shape is not the model's.
    InvalidArgument,
    /// The model's file is not in a format that the backend reads, or broken.
    InvalidEncoding,
    /// The run took longer than it may.
    Timeout,
    /// The backend failed.
    Runtime,
    /// The backend cannot do what was asked: a device, a precision, an operator.
    Unsupported,
    /// A limit on sizes was passed.
    TooLarge,
    /// No such model, output, file or backend.
    NotFound,
    /// Not allowed.
    Security,
}

/// Why a model could not be loaded or run.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An error of a kind, with a message for people: what went wrong and what
    /// to do about it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
