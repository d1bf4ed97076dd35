//! What a plugin says that it offers.

use std::collections::BTreeMap;

use arrow_schema::Field;
use serde_json::Value;

use crate::columns::nulls::nullable_below;
use crate::columns::schema::{self, ANY};
use crate::contract::RawSignature;
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
    /// The arguments, each named. One of [`DataType::Null`](arrow_schema::DataType::Null) takes a column of any
    /// type: see [`Signature::is_generic`].
    pub arguments: Vec<Field>,
    /// The result; named after the function. Of that type, too, where it depends
    /// on arguments that are not bound. Nullable, since rows fail, and so are the
    /// fields of a struct that is null.
    pub returns: Field,
    /// The result as the plugin declares it.
    pub(crate) declared: Field,
    /// What may be assumed of the results.
    pub volatility: Volatility,
    /// The models that it runs, by name.
    pub models: Vec<String>,
    /// The assets that it reads, by name.
    pub assets: Vec<String>,
    /// Its options, as a JSON Schema of an object.
    pub options: Value,
    /// Whatever else it says of itself, by name: those that the contract registers
    /// and others.
    pub properties: BTreeMap<String, String>,
}

/// Bounds on what a signature may hold.
const MAX_FUNCTIONS: usize = 1_000;
const MAX_ARGUMENTS: usize = 100;
const MAX_TEXT: usize = 64 << 10;

impl Signature {
    /// Whether types are decided when arguments are bound: the function takes a
    /// column of any type, or any number of columns.
    pub fn is_generic(&self) -> bool {
        let any = |field: &Field| *field.data_type() == ANY;
        self.arguments.iter().any(any) || any(&self.returns) || self.is_variadic()
    }

    /// Whether the last argument may be given several times.
    pub fn is_variadic(&self) -> bool {
        self.flag("variadic")
    }

    /// The argument at this place of a call, none behind the last. The last one of a
    /// variadic function stands at every place from its own on.
    pub fn argument(&self, place: usize) -> Option<&Field> {
        let several = self.is_variadic().then(|| self.arguments.last()).flatten();
        self.arguments.get(place).or(several)
    }

    /// Whether a call may have this many arguments.
    pub fn takes(&self, arguments: usize) -> bool {
        let declared = self.arguments.len();
        arguments == declared || arguments > declared && self.is_variadic()
    }

    /// Whether a row with a null argument gives null, without a call.
    pub fn skips_nulls(&self) -> bool {
        self.properties.get("nulls").is_some_and(|v| v == "skip")
    }

    /// Rows that the function wants in one call at most, if it works on many at once.
    pub fn rows_per_call(&self) -> Option<usize> {
        let rows: usize = self.properties.get("rows-per-call")?.parse().ok()?;
        (rows > 0).then_some(rows)
    }

    /// The option that names the function, where options decide what the function is
    /// called and takes. Opened without arguments, it says so.
    pub fn named_by(&self) -> Option<&str> {
        self.properties.get("named-by").map(String::as_str)
    }

    /// Why it should not be used any more, if it should not.
    pub fn deprecated(&self) -> Option<&str> {
        self.properties.get("deprecated").map(String::as_str)
    }

    fn flag(&self, name: &str) -> bool {
        self.properties.get(name).is_some_and(|v| v == "true")
    }

    pub(crate) fn list(signatures: Vec<RawSignature>) -> Result<Vec<Self>> {
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

    pub(crate) fn check(signature: RawSignature) -> Result<Self> {
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
        let pairs = signature.properties.iter().map(|(k, v)| k.len() + v.len());
        if text
            + names
                .map(String::len)
                .chain(pairs)
                .map(|n| n + 16)
                .sum::<usize>()
            > MAX_TEXT
        {
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
        let properties: BTreeMap<String, String> = signature
            .properties
            .iter()
            .map(|(name, value)| (printable(name, 256), printable(value, MAX_TEXT)))
            .collect();
        let clean = |names: Vec<String>| names.iter().map(|n| printable(n, 256)).collect();
        Ok(Self {
            returns: nullable_below(&returns.clone().with_name(&name).with_nullable(true)),
            declared: returns,
            doc: printable(&signature.doc, MAX_TEXT),
            arguments,
            volatility: match properties.get("volatility").map(String::as_str) {
                Some("immutable") => Volatility::Immutable,
                Some("stable") => Volatility::Stable,
                // Also for a word that later versions may have.
                _ => Volatility::Volatile,
            },
            models: clean(signature.models),
            assets: clean(signature.assets),
            options,
            properties,
            name,
        })
    }
}

impl Signature {
    /// Checks that this may be what `declared` becomes when these columns are bound to
    /// it, none of them where the caller did not know any.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidPlugin`].
    pub(crate) fn check_bound(&self, declared: &Self, arguments: usize) -> Result<()> {
        let broken = |what: &str| Err(invalid(format!("`{}`, once opened, {what}", declared.name)));
        let decided_by_options = declared.named_by().is_some();
        if self.name != declared.name && !decided_by_options {
            return broken("has another name");
        }
        if arguments == 0 && self.arguments != declared.arguments && !decided_by_options {
            return broken("takes other arguments");
        }
        if arguments == 0 {
            return Ok(());
        }
        if self.arguments.len() != arguments {
            return broken("takes another number of arguments");
        }
        for (i, bound) in self.arguments.iter().enumerate() {
            let declared = declared.argument(i).map(Field::data_type);
            let fits = match declared {
                Some(ty) if *ty == ANY => *bound.data_type() != ANY,
                declared => declared == Some(bound.data_type()),
            };
            if !fits {
                return broken("takes arguments of other types");
            }
        }
        if *self.returns.data_type() == ANY {
            return broken("does not say what it returns");
        }
        Ok(())
    }

    /// Checks signatures that the host made of a component's own functions: the bounds are
    /// those of signatures that plugins write themselves.
    ///
    /// # Errors
    /// Which bound is exceeded, for people.
    pub(crate) fn check_list<'a>(
        signatures: impl ExactSizeIterator<Item = &'a Self>,
    ) -> Result<(), String> {
        let count = signatures.len();
        if count > MAX_FUNCTIONS {
            return Err(format!("{count} functions are more than {MAX_FUNCTIONS}"));
        }
        for signature in signatures {
            let name = printable(&signature.name, 60);
            if !is_identifier(&signature.name) {
                return Err(format!("`{name}` is too long for the name of a function"));
            }
            if signature.arguments.len() > MAX_ARGUMENTS {
                return Err(format!(
                    "`{name}` takes more than {MAX_ARGUMENTS} arguments"
                ));
            }
            let arguments = &signature.arguments;
            for (i, argument) in arguments.iter().enumerate() {
                if arguments[..i]
                    .iter()
                    .any(|other| other.name() == argument.name())
                {
                    return Err(format!(
                        "two arguments of `{name}` are called `{}`",
                        argument.name()
                    ));
                }
            }
            for field in arguments.iter().chain([&signature.returns]) {
                schema::check(field).map_err(|e| format!("`{name}`: {e}"))?;
            }
            if signature.options.to_string().len() > MAX_TEXT {
                return Err(format!(
                    "the options of `{name}` take more than {MAX_TEXT} bytes"
                ));
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Signature {
    /// The signature in one line: `name(image: binary) -> list<float32>`. A `...`
    /// follows an argument that may be given several times.
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
        if self.is_variadic() {
            f.write_str("...")?;
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::columns::schema::FieldNode;

    fn signature(name: &str, arguments: &[&str], named_by: bool) -> Signature {
        let field = |name: &str, format: &str| {
            vec![FieldNode {
                name: name.to_owned(),
                format: format.to_owned(),
                nullable: true,
                children: 0,
                metadata: Vec::new(),
            }]
        };
        let generic = arguments.contains(&"*");
        let properties = [("variadic", "true", generic), ("named-by", "f", named_by)];
        Signature::check(RawSignature {
            name: name.to_owned(),
            doc: String::new(),
            arguments: (0..)
                .zip(arguments)
                .map(|(i, format)| field(&format!("a{i}"), format))
                .collect(),
            returns: field("", if generic { "*" } else { "l" }),
            options: String::new(),
            models: Vec::new(),
            assets: Vec::new(),
            properties: properties
                .into_iter()
                .filter(|(.., given)| *given)
                .map(|(name, value, _)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
        .unwrap()
    }

    #[test]
    fn options_decide_names_and_arguments_only_where_the_plugin_says_so() {
        let bound = signature("words", &["u", "l"], false);
        let family = signature("any", &["*"], true);
        bound.check_bound(&family, 0).unwrap();
        bound.check_bound(&family, 2).unwrap();
        assert!(bound.check_bound(&family, 1).is_err());
        assert_eq!((family.named_by(), bound.named_by()), (Some("f"), None));

        let fixed = signature("any", &["*"], false);
        assert!(bound.check_bound(&fixed, 0).is_err());
        assert!(bound.check_bound(&fixed, 2).is_err());
        signature("any", &["u", "l"], false)
            .check_bound(&fixed, 2)
            .unwrap();
    }
}
