//! The crate's error type.

use std::fmt;

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A reference, a key or a setting that cannot be read.
    Invalid,
    /// The registry has no such thing.
    NotFound,
    /// The registry wants other credentials.
    Unauthorized,
    /// The registry could not be reached, or went away.
    Network,
    /// The registry answers with what is no plugin and no model, or breaks its protocol.
    Artifact,
    /// Bytes are not those of their digest.
    Digest,
    /// Something is larger than it may be.
    TooLarge,
    /// It is not in the store, and the network may not be asked.
    Offline,
    /// The lock file does not allow it.
    Locked,
    /// The policy does not allow it: no signature, or none of a key that counts.
    Refused,
    /// A file could not be read or written.
    Io,
}

/// Why something failed.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
        }))
    }

    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
