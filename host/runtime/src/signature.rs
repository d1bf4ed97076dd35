//! What a plugin says that it offers.

use arrow_schema::Field;
use serde_json::Value;

use crate::bindings::exports::wudf::plugin::functions as wit;
use crate::columns::schema;
use crate::error::printable;
use crate::{Error, ErrorKind, Result};

/// What may be assumed of a function's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Volatility {
    /// Equal arguments give equal results, always.
    Immutable,
    /// Equal arguments give equal results while one query runs.
    Stable,
    /// Anything goes.
    Volatile,
}

/// What a function is called, takes and returns.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Signature {
    /// The function's name.
    pub name: String,
    /// What the function does; the first line stands alone.
    pub doc: String,
    /// The arguments, each named.
    pub arguments: Vec<Field>,
    /// The result; named after the function.
    pub returns: Field,
    /// What may be assumed of the results.
    pub volatility: Volatility,
    /// The models that it runs, by name.
    pub models: Vec<String>,
    /// The assets that it reads, by name.
    pub assets: Vec<String>,
    /// Its options, as a JSON Schema of an object.
    pub options: Value,
}

/// Bounds on what a signature may hold.
const MAX_FUNCTIONS: usize = 1_000;
const MAX_ARGUMENTS: usize = 100;
const MAX_TEXT: usize = 64 << 10;

impl Signature {
    pub(crate) fn list(signatures: Vec<wit::Signature>) -> Result<Vec<Self>> {
        if signatures.is_empty() {
            return Err(invalid("it offers no functions".into()));
        }
        if signatures.len() > MAX_FUNCTIONS {
            return Err(invalid(format!(
                "{} functions are more than {MAX_FUNCTIONS}",
                signatures.len()
            )));
        }
        let signatures = signatures
            .into_iter()
            .map(Self::check)
            .collect::<Result<Vec<_>>>()?;
        for (i, one) in signatures.iter().enumerate() {
            if signatures[..i].iter().any(|other| other.name == one.name) {
                return Err(invalid(format!("two functions are called `{}`", one.name)));
            }
        }
        Ok(signatures)
    }

    pub(crate) fn check(signature: wit::Signature) -> Result<Self> {
        let name = signature.name;
        if !is_identifier(&name) {
            let name = printable(&name, 60);
            return Err(invalid(format!(
                "`{name}` is no name for a function: a letter, then letters, digits and _"
            )));
        }
        let of = |what: String| move |e: String| invalid(format!("{what}: {e}"));
        if signature.arguments.len() > MAX_ARGUMENTS {
            return Err(invalid(format!(
                "`{name}` takes more than {MAX_ARGUMENTS} arguments"
            )));
        }
        let mut arguments: Vec<Field> = Vec::with_capacity(signature.arguments.len());
        for argument in &signature.arguments {
            let field = schema::field(argument).map_err(of(format!("an argument of `{name}`")))?;
            if field.name().is_empty() || arguments.iter().any(|a| a.name() == field.name()) {
                return Err(invalid(format!(
                    "`{name}` has arguments without a name of their own"
                )));
            }
            arguments.push(field);
        }
        let returns =
            schema::field(&signature.returns).map_err(of(format!("the result of `{name}`")))?;
        let text = signature.doc.len() + signature.options.len();
        let names = signature.models.iter().chain(&signature.assets);
        if text + names.map(|n| n.len() + 16).sum::<usize>() > MAX_TEXT {
            return Err(invalid(format!(
                "`{name}` says more than {MAX_TEXT} bytes of itself"
            )));
        }
        let options: Value = match signature.options.as_str() {
            "" => Value::Object(serde_json::Map::new()),
            text => serde_json::from_str(text)
                .ok()
                .filter(Value::is_object)
                .ok_or_else(|| invalid(format!("the options of `{name}` are no JSON Schema")))?,
        };
        let clean = |names: Vec<String>| names.iter().map(|n| printable(n, 256)).collect();
        Ok(Self {
            returns: returns.with_name(&name).with_nullable(true),
            doc: printable(&signature.doc, MAX_TEXT),
            arguments,
            volatility: match signature.volatility {
                wit::Volatility::Immutable => Volatility::Immutable,
                wit::Volatility::Stable => Volatility::Stable,
                wit::Volatility::Volatile => Volatility::Volatile,
            },
            models: clean(signature.models),
            assets: clean(signature.assets),
            options,
            name,
        })
    }
}

impl std::fmt::Display for Signature {
    /// The signature in one line: `name(image: binary) -> list<float32>`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(", self.name)?;
        for (i, argument) in self.arguments.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(
                f,
                "{comma}{}: {}",
                argument.name(),
                schema::display(argument.data_type())
            )?;
        }
        write!(f, ") -> {}", schema::display(self.returns.data_type()))
    }
}

fn is_identifier(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidPlugin, message)
}
