//! What goes wrong with opening a function, or with a whole call.

use std::any::Any;
use std::fmt::{self, Debug, Display};

use crate::bindings::exports::wudf::plugin::functions;

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a function cannot be opened, or a row has no value.
///
/// Any error converts into it by `?`, its causes included; [`Error::new`] and
/// [`fail!`](crate::fail) make one of a message. Functions need not use it:
/// whatever can be displayed will do.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// What an [`Error`] is about, as the host is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The plugin has no such function.
    UnknownFunction,
    /// An option is unknown or does not fit.
    InvalidOptions,
    /// The arguments are not those of the signature.
    InvalidArguments,
    /// A model could not be loaded or run.
    Model,
    /// An asset could not be read.
    Asset,
    /// Anything else.
    Other,
}

impl Error {
    /// An error with this message.
    pub fn new(message: impl Display) -> Self {
        Self::of(ErrorKind::Other, message)
    }

    /// An option that does not fit. The message should name it.
    pub fn options(message: impl Display) -> Self {
        Self::of(ErrorKind::InvalidOptions, message)
    }

    pub(crate) fn arguments(message: impl Display) -> Self {
        Self::of(ErrorKind::InvalidArguments, message)
    }

    pub(crate) fn of(kind: ErrorKind, message: impl Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
        }
    }

    /// The same, said of something.
    pub(crate) fn within(self, what: &str) -> Self {
        Self {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }

    /// What the error is about.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let kind = kind_of(&error);
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            // Some errors already say what their cause says.
            let text = error.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        Self { kind, message }
    }
}

impl From<Error> for functions::Error {
    fn from(error: Error) -> Self {
        use functions::ErrorCode;
        let code = match error.kind {
            ErrorKind::UnknownFunction => ErrorCode::UnknownFunction,
            ErrorKind::InvalidOptions => ErrorCode::InvalidOptions,
            ErrorKind::InvalidArguments => ErrorCode::InvalidArguments,
            ErrorKind::Model => ErrorCode::Model,
            ErrorKind::Asset => ErrorCode::Asset,
            ErrorKind::Other => ErrorCode::Other,
        };
        Self {
            code,
            message: error.message,
        }
    }
}

/// Any error that can be displayed, as an [`Error`]; one of ours stays what it
/// is.
pub fn any_error<E: Display + 'static>(error: E) -> Error {
    let mut error = Some(error);
    let any: &mut dyn Any = &mut error;
    if let Some(ours) = any.downcast_mut::<Option<Error>>().and_then(Option::take) {
        return ours;
    }
    let Some(error) = error else {
        unreachable!("only ours was taken")
    };
    Error::of(kind_of(&error), error)
}

fn kind_of(error: &dyn Any) -> ErrorKind {
    if error.is::<crate::ModelError>() {
        ErrorKind::Model
    } else if error.is::<crate::AssetError>() {
        ErrorKind::Asset
    } else {
        ErrorKind::Other
    }
}

/// Returns with an [`Error`] of this message, written as in [`format!`].
///
/// ```
/// # use wudf_guest::{Result, fail};
/// fn half(x: i64) -> Result<i64> {
///     if x % 2 != 0 {
///         fail!("{x} is odd");
///     }
///     Ok(x / 2)
/// }
/// # assert_eq!(half(3).unwrap_err().to_string(), "3 is odd");
/// ```
#[macro_export]
macro_rules! fail {
    ($($message:tt)+) => {
        return ::core::result::Result::Err($crate::Error::new(::std::format!($($message)+)).into())
    };
}
