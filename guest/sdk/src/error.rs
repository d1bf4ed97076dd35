//! What goes wrong with opening a function, or with a whole call.

use std::any::Any;
use std::borrow::Cow;
use std::fmt::{self, Debug, Display};

use crate::bindings::wudf::plugin::types::Problem;

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a function cannot be opened, or a row has no value.
///
/// Any error converts into it by `?`, its causes included; [`Error::new`] and
/// [`fail!`](crate::fail) make one of a message. Functions need not use it:
/// whatever can be displayed will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Cow<'static, str>,
    message: String,
}

/// Words of the contract's open list of codes.
pub(crate) mod code {
    pub const INVALID_INPUT: &str = "invalid-input";
    pub const UNSUPPORTED: &str = "unsupported";
    pub const TOO_LARGE: &str = "too-large";
    #[cfg(target_arch = "wasm32")]
    pub const TIMEOUT: &str = "timeout";
    pub const INTERNAL: &str = "internal";
    pub const FUNCTION: &str = "function";
    pub const OPTIONS: &str = "options";
    pub const ARGUMENTS: &str = "arguments";
    pub const MODEL: &str = "model";
    pub const ASSET: &str = "asset";
}

impl Error {
    /// An error with this message, about the input: its code is `invalid-input`.
    pub fn new(message: impl Display) -> Self {
        Self::of(code::INVALID_INPUT, message)
    }

    /// An option that does not fit. The message should name it.
    pub fn options(message: impl Display) -> Self {
        Self::of(code::OPTIONS, message)
    }

    pub(crate) fn arguments(message: impl Display) -> Self {
        Self::of(code::ARGUMENTS, message)
    }

    pub(crate) fn unsupported(message: impl Display) -> Self {
        Self::of(code::UNSUPPORTED, message)
    }

    pub(crate) fn internal(message: impl Display) -> Self {
        Self::of(code::INTERNAL, message)
    }

    pub(crate) fn of(code: &'static str, message: impl Display) -> Self {
        Self {
            code: Cow::Borrowed(code),
            message: message.to_string(),
        }
    }

    /// The same error under another code: lower-case words with `-` between them. The
    /// contract's list is open; it has `invalid-input`, `unsupported`, `too-large`,
    /// `options`, `arguments`, `model`, `asset`, `timeout` and `internal`.
    #[must_use]
    pub fn with_code(self, code: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: code.into(),
            ..self
        }
    }

    /// The code and the message.
    pub(crate) fn into_parts(self) -> (String, String) {
        (self.code.into_owned(), self.message)
    }

    /// The same, said of something.
    pub(crate) fn within(self, what: &str) -> Self {
        Self {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }

    /// What the error is about, as the host is told: a word such as `invalid-input`.
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let code = code_of(&error);
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
        Self {
            code: Cow::Borrowed(code),
            message,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self {
            code: error.code.into_owned(),
            message: error.message,
            properties: Vec::new(),
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
    // Some errors put their causes into the alternate form.
    Error::of(code_of(&error), format!("{error:#}"))
}

fn code_of(error: &dyn Any) -> &'static str {
    if let Some(error) = error.downcast_ref::<crate::ModelError>() {
        error.code()
    } else if error.is::<crate::AssetError>() {
        code::ASSET
    } else {
        code::INVALID_INPUT
    }
}

/// What a function returned, before its errors are known to be errors: what the macros
/// call decides by the type whether causes and codes can be had.
#[derive(Debug)]
pub struct Returned<T>(pub T);

impl<V, E: std::error::Error + 'static> Returned<Result<V, E>> {
    /// With the error's causes and its code.
    pub fn coded(self) -> Coded<V> {
        Coded(self.0.map_err(Error::from))
    }
}

impl<V> Returned<Result<V, Error>> {
    /// With the error's code.
    pub fn coded(self) -> Coded<V> {
        Coded(self.0)
    }
}

impl<V, E: std::error::Error + 'static> Returned<Vec<Result<V, E>>> {
    /// With the errors' causes and their codes.
    pub fn coded(self) -> Vec<Coded<V>> {
        let coded = |result| Returned::<Result<V, E>>(result).coded();
        self.0.into_iter().map(coded).collect()
    }
}

impl<V> Returned<Vec<Result<V, Error>>> {
    /// With the errors' codes.
    pub fn coded(self) -> Vec<Coded<V>> {
        self.0.into_iter().map(Coded).collect()
    }
}

/// What any other type is: itself. Methods of the type go before those of a trait.
pub trait AsReturned {
    /// The type.
    type Returned;

    /// What was returned.
    fn coded(self) -> Self::Returned;
}

impl<T> AsReturned for Returned<T> {
    type Returned = T;

    #[inline]
    fn coded(self) -> T {
        self.0
    }
}

/// A value, or an error with its code.
#[derive(Debug)]
pub struct Coded<V>(pub Result<V, Error>);

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
