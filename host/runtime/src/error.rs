//! The crate's error type.

use std::fmt;

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be read or written.
    Io,
    /// The bytes are no plugin: not a component, broken, or without functions.
    InvalidPlugin,
    /// The plugin asks for something that no host of this version gives:
    /// another contract, or imports beyond it.
    Unsupported,
    /// The plugin has no such function.
    UnknownFunction,
    /// An option is unknown or its value does not fit.
    InvalidOptions,
    /// The arguments are not those of the function's signature.
    InvalidArguments,
    /// The function gave no value for a row, and said why.
    Row,
    /// The plugin failed as a whole, in opening a function or in a call, and said why.
    Plugin,
    /// The plugin crashed: a panic, a bad memory access, a stack overflow.
    Trap,
    /// The plugin took longer than it may.
    Timeout,
    /// The row was not tried: the batch had lost too much time to rows that hung or
    /// crashed.
    NotTried,
    /// The caller cancelled the call, or its deadline passed.
    Cancelled,
    /// More rows of the caller's job failed than it [may have](crate::MaxFailures).
    TooManyFailures,
    /// The plugin asked for more memory, tables or tensors than it may have, or returned
    /// more than it may.
    Memory,
    /// What the plugin returned breaks the contract.
    InvalidOutput,
    /// A model could not be loaded or run.
    Model,
    /// An asset could not be read.
    Asset,
    /// The sandbox itself could not be set up.
    Sandbox,
    /// There is no such plugin.
    UnknownPlugin,
    /// The plugin is not one that may run here: its digest is another, the
    /// lock file does not have it, or nobody signed it whose signature counts.
    Refused,
    /// A registry could not be asked, or gave what is no plugin.
    Registry,
}

impl ErrorKind {
    /// Its name, for languages that know kinds by name: `invalid-options`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::InvalidPlugin => "invalid-plugin",
            Self::Unsupported => "unsupported",
            Self::UnknownFunction => "unknown-function",
            Self::InvalidOptions => "invalid-options",
            Self::InvalidArguments => "invalid-arguments",
            Self::Row => "row",
            Self::Plugin => "plugin",
            Self::Trap => "trap",
            Self::Timeout => "timeout",
            Self::NotTried => "not-tried",
            Self::Cancelled => "cancelled",
            Self::TooManyFailures => "too-many-failures",
            Self::Memory => "memory",
            Self::InvalidOutput => "invalid-output",
            Self::Model => "model",
            Self::Asset => "asset",
            Self::Sandbox => "sandbox",
            Self::UnknownPlugin => "unknown-plugin",
            Self::Refused => "refused",
            Self::Registry => "registry",
        }
    }
}

impl ErrorKind {
    /// The kind that a word of the contract's list of codes stands for, if it stands
    /// for one.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "function" => Self::UnknownFunction,
            "options" => Self::InvalidOptions,
            "arguments" => Self::InvalidArguments,
            "model" => Self::Model,
            "asset" => Self::Asset,
            "timeout" => Self::Timeout,
            _ => return None,
        })
    }
}

/// Why something failed, and where: the plugin, the function and the row as
/// far as they are known.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    plugin: Option<String>,
    function: Option<String>,
    row: Option<usize>,
    code: Option<String>,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of whoever embeds the runtime.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            plugin: None,
            function: None,
            row: None,
            code: None,
        }))
    }

    /// The error, under the code that a plugin gave it.
    #[must_use]
    pub(crate) fn with_code(mut self, code: &str) -> Self {
        self.0.code = Some(code_of(code).to_owned());
        self
    }

    /// The error, and the plugin that it happened in; the first one named stays.
    #[must_use]
    pub fn in_plugin(mut self, name: &str) -> Self {
        self.0.plugin.get_or_insert_with(|| name.to_owned());
        self
    }

    /// The error, and the function that it happened in; the first one named stays.
    #[must_use]
    pub fn in_function(mut self, name: &str) -> Self {
        self.0.function.get_or_insert_with(|| name.to_owned());
        self
    }

    /// The error, and the row that it happened in; the first one named stays.
    #[must_use]
    pub fn in_row(mut self, row: usize) -> Self {
        self.0.row.get_or_insert(row);
        self
    }

    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What a plugin says that it is about, a word of the contract's open list such as
    /// `unsupported`; for errors of the host, the name of its [`kind`](Self::kind).
    pub fn code(&self) -> &str {
        self.0.code.as_deref().unwrap_or(self.0.kind.name())
    }

    /// What went wrong, without where.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The plugin that it went wrong in, by the name under which it was loaded.
    pub fn plugin(&self) -> Option<&str> {
        self.0.plugin.as_deref()
    }

    /// The function that it went wrong in.
    pub fn function(&self) -> Option<&str> {
        self.0.function.as_deref()
    }

    /// The row, counted from 0 in the arguments of the call.
    pub fn row(&self) -> Option<usize> {
        self.0.row
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.plugin, &self.0.function) {
            (Some(plugin), Some(function)) => write!(f, "{plugin}:{function}: ")?,
            (Some(one), None) | (None, Some(one)) => write!(f, "{one}: ")?,
            (None, None) => {}
        }
        if let Some(row) = self.0.row {
            write!(f, "row {row}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// A plugin's code, or `internal` for what is no word.
pub(crate) fn code_of(code: &str) -> &str {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match !code.is_empty() && code.len() <= 64 && code.chars().all(word) {
        true => code,
        false => "internal",
    }
}

/// Text from a plugin as it may be shown to people: at most `limit` bytes,
/// and nothing that a terminal would obey.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    for c in text.chars() {
        if out.len() + c.len_utf8() > limit {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\t' => out.push(c),
            // Directional overrides reorder what a terminal or a browser shows.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where() {
        let error = Error::new(ErrorKind::Row, "no picture")
            .in_row(3)
            .in_function("f")
            .in_plugin("p");
        assert_eq!(error.to_string(), "p:f: row 3: no picture");
        assert_eq!(
            error.clone().in_row(9).row(),
            Some(3),
            "the innermost place wins"
        );
    }

    #[test]
    fn terminals_stay_in_charge() {
        assert_eq!(
            printable("a\x1b[31mb\u{202e}c", 100),
            "a\u{fffd}[31mb\u{fffd}c"
        );
        assert_eq!(printable("äöü", 4), "äö…");
    }
}
