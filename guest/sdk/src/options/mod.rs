//! Options: what a function is told when it is opened, as a JSON object.

mod value;

pub use value::{IsOption, OptionValue};

use serde_json::{Map, Value as Json};

use crate::error::Error;

/// A struct of options. Derive it:
///
/// ```
/// use wudf_guest::UdfOptions;
///
/// #[derive(UdfOptions)]
/// struct Options {
///     /// Which tensor of the model to return.
///     #[option(default = "features")]
///     layer: String,
///     /// The side of the square that is cut out.
///     #[option(default = 224)]
///     crop: u32,
///     /// May be left out: an `Option` is `None` then.
///     prefix: Option<String>,
///     /// Must be given: it has no default.
///     size: u32,
/// }
/// ```
///
/// The fields' types and documentation make the JSON Schema that the host shows
/// and checks. `#[option(flatten)]` takes in the fields of another such struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the options of a UDF",
    label = "not a struct of options",
    note = "put `#[derive(wudf_guest::UdfOptions)]` on the struct"
)]
pub trait UdfOptions: Sized {
    /// Appends what options there are.
    fn describe(options: &mut Vec<Described>);

    /// Takes the options out of an object.
    fn take(object: &mut Map<String, Json>) -> Result<Self, OptionError>;

    /// Puts the options into an object.
    fn put(&self, object: &mut Map<String, Json>);
}

/// No options.
impl UdfOptions for () {
    fn describe(_: &mut Vec<Described>) {}

    fn take(_: &mut Map<String, Json>) -> Result<Self, OptionError> {
        Ok(())
    }

    fn put(&self, _: &mut Map<String, Json>) {}
}

/// One option, for people and for the JSON Schema.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// Its JSON Schema.
    pub schema: Json,
    /// Whether it must be given.
    pub required: bool,
}

/// A value that does not fit, and where.
#[derive(Debug)]
pub struct OptionError {
    path: String,
    /// Empty where the option is missing.
    message: String,
}

impl OptionError {
    /// A value that does not fit.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            message: message.into(),
        }
    }

    /// What was wanted, and what was there.
    pub fn expected(what: &str, got: &Json) -> Self {
        Self::new(format!("expected {what}, got {}", short(got)))
    }

    /// The same, inside of this.
    #[must_use]
    pub fn within(mut self, step: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }
}

impl From<OptionError> for Error {
    fn from(error: OptionError) -> Self {
        if error.message.is_empty() {
            Self::options(format!("missing required option `{}`", error.path))
        } else if error.path.is_empty() {
            Self::options(error.message)
        } else {
            Self::options(format!("option `{}`: {}", error.path, error.message))
        }
    }
}

/// A value, cut where it gets long.
fn short(value: &Json) -> String {
    const LIMIT: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Reads one option out of an object.
pub fn take<T: OptionValue>(
    object: &mut Map<String, Json>,
    name: &'static str,
    default: Option<T>,
) -> Result<T, OptionError> {
    match object.remove(name) {
        Some(value) => T::parse(&value).map_err(|error| error.within(name)),
        None => default
            .or_else(T::missing)
            .ok_or_else(|| OptionError::new("").within(name)),
    }
}

/// A type whose default can be written as a text.
#[diagnostic::on_unimplemented(
    message = "a text is not a default for an option of type `{Self}`",
    label = "not a `{Self}`"
)]
pub trait FromDefaultText {
    /// The default.
    fn from_default_text(text: &'static str) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: From<&'static str>> FromDefaultText for T {
    fn from_default_text(text: &'static str) -> Self {
        text.into()
    }
}

/// The default that a text says.
pub fn default_text<T: FromDefaultText>(text: &'static str) -> T {
    T::from_default_text(text)
}

/// Describes one option.
pub fn describe<T: OptionValue>(name: &'static str, doc: &str, default: Option<T>) -> Described {
    let mut schema = T::schema();
    let required = default.is_none() && T::missing().is_none();
    if let Json::Object(schema) = &mut schema {
        if !doc.is_empty() {
            schema.insert("description".into(), doc.into());
        }
        if let Some(default) = default {
            schema.insert("default".into(), default.to_json());
        }
    }
    Described {
        name,
        schema,
        required,
    }
}

/// Takes what an object holds as options, which are all that it may hold.
pub(crate) fn from_object<O: UdfOptions>(mut object: Map<String, Json>) -> Result<O, OptionError> {
    let taken = O::take(&mut object);
    // What options there are is asked when something is wrong only: every new
    // instance comes this way, and descriptions are large.
    if object.is_empty() {
        return taken;
    }
    let mut options = Vec::new();
    O::describe(&mut options);
    let names: Vec<_> = options.iter().map(|option| option.name).collect();
    // Before errors of values: a misspelled option must not be reported as missing.
    if let Some(unknown) = object.keys().find(|key| !names.contains(&key.as_str())) {
        return Err(OptionError::new(match names.as_slice() {
            [] => format!("there is no option `{unknown}`: the function has none"),
            _ => format!(
                "there is no option `{unknown}`; there is {}",
                self::names(&names)
            ),
        }));
    }
    taken
}

/// Parses options from JSON.
pub fn parse<O: UdfOptions>(text: &str) -> Result<O, Error> {
    match serde_json::from_str(text) {
        Ok(Json::Object(object)) => Ok(from_object(object)?),
        Ok(other) => Err(Error::options(format!(
            "options are a JSON object, not {}",
            short(&other)
        ))),
        Err(error) => Err(Error::options(format!("the options are not JSON: {error}"))),
    }
}

/// A struct of options as an option's value.
pub fn object_value<O: UdfOptions>(json: &Json) -> Result<O, OptionError> {
    match json {
        Json::Object(object) => from_object(object.clone()),
        other => Err(OptionError::expected("an object", other)),
    }
}

/// The JSON of a struct of options.
pub fn object_json<O: UdfOptions>(options: &O) -> Json {
    let mut object = Map::new();
    options.put(&mut object);
    Json::Object(object)
}

/// The JSON Schema of a struct of options.
pub fn object_schema<O: UdfOptions>() -> Json {
    // What we wrote ourselves parses.
    serde_json::from_str(&schema::<O>()).unwrap_or(Json::Bool(true))
}

/// The position of a string among the values that an option can have.
pub fn choice(json: &Json, names: &[&str]) -> Result<usize, OptionError> {
    names
        .iter()
        .position(|&name| json.as_str() == Some(name))
        .ok_or_else(|| {
            let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
            OptionError::expected(&names.join(" or "), json)
        })
}

/// The JSON Schema of an option that has one of these strings as its value.
pub fn choice_schema(names: &[&str]) -> Json {
    let mut schema = Map::new();
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), Json::from(names));
    Json::Object(schema)
}

/// The JSON Schema of options, in the order of the struct.
pub fn schema<O: UdfOptions>() -> String {
    let mut options = Vec::new();
    O::describe(&mut options);
    let properties: Vec<_> = options
        .iter()
        .map(|option| format!("{}:{}", Json::from(option.name), option.schema))
        .collect();
    let required: Vec<_> = options
        .iter()
        .filter(|option| option.required)
        .map(|option| option.name)
        .collect();
    format!(
        r#"{{"type":"object","properties":{{{}}},"required":{},"additionalProperties":false}}"#,
        properties.join(","),
        Json::from(required)
    )
}

/// Names in a row, for people.
pub(crate) fn names(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
