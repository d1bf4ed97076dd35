//! What went wrong with a picture, or with a recipe.

use std::fmt;

/// Why a picture gave no tensor.
///
/// The message is for people; [`Error::kind`] is for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: Box<str>,
}

/// The classes of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are in none of the formats that this crate reads.
    UnknownFormat,
    /// The file ends before its picture does.
    Truncated,
    /// The file contradicts itself or its format.
    Malformed,
    /// A valid file that uses a feature which is not supported.
    Unsupported,
    /// The picture exceeds [`Limits`](crate::decode::Limits).
    TooLarge,
    /// The recipe cannot be carried out, whatever the picture.
    InvalidRecipe,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into().into_boxed_str(),
        }
    }

    pub(crate) fn truncated(format: &str) -> Self {
        Self::new(
            ErrorKind::Truncated,
            format!("{format}: the file is truncated"),
        )
    }

    pub(crate) fn malformed(format: &str, what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Malformed, format!("{format}: {what}"))
    }

    pub(crate) fn unsupported(format: &str, what: impl fmt::Display) -> Self {
        Self::new(
            ErrorKind::Unsupported,
            format!("{format}: {what} is not supported"),
        )
    }

    pub(crate) fn too_large(format: &str, what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::TooLarge, format!("{format}: {what}"))
    }

    /// An I/O error of a decoder that reads from memory: all but the end of the bytes is the
    /// file's fault.
    pub(crate) fn io(format: &str, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::truncated(format),
            std::io::ErrorKind::OutOfMemory => Self::too_large(format, error),
            _ => Self::malformed(format, error),
        }
    }

    /// The class of the error.
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
