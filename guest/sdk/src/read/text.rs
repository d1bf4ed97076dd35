//! What is read from a string: one character, JSON.

use super::bytes::StrColumn;
use super::{Absent, Argument, Nodes};
use crate::bindings::wudf::plugin::arrow::Field;
use crate::error::Error;
use crate::schema::{Typed, extension, field};

/// A type whose column is one of strings.
pub trait FromText: Sized {
    /// The extension type of the column.
    const EXTENSION: Option<&'static str> = None;

    /// The value that a string has, or what was expected of it.
    fn from_text(text: &str) -> Result<Self, &'static str>;
}

impl FromText for char {
    fn from_text(text: &str) -> Result<Self, &'static str> {
        let mut chars = text.chars();
        chars
            .next()
            .filter(|_| chars.next().is_none())
            .ok_or("expected one character")
    }
}

impl FromText for serde_json::Value {
    const EXTENSION: Option<&'static str> = Some("arrow.json");

    fn from_text(text: &str) -> Result<Self, &'static str> {
        serde_json::from_str(text).map_err(|_| "expected valid JSON")
    }
}

/// The field of a type that is read from strings.
pub fn text_field<T: FromText>(name: &str, nullable: bool) -> Field {
    match T::EXTENSION {
        Some(of) => extension(name, "u", nullable, of),
        None => field(name, "u", nullable, 0),
    }
}

/// One row's value.
pub fn parse_text<T: FromText>(column: &StrColumn<'_>, row: usize) -> Result<T, Absent> {
    T::from_text(<&str>::get(column, row)?).map_err(Absent::Unfit)
}

macro_rules! arguments {
    ($($type:ty),*) => {
        $(
            impl Typed for $type {
                fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
                    schema.push(text_field::<Self>(name, nullable));
                }
            }

            impl Argument for $type {
                type Value<'a> = $type;
                type Column<'a> = StrColumn<'a>;
                type Block<'a> = ();

                fn bind<'a>(
                    nodes: &mut Nodes<'a>,
                    length: usize,
                ) -> Result<Self::Column<'a>, Error> {
                    <&str>::bind(nodes, length)
                }
                fn get(column: &Self::Column<'_>, row: usize) -> Result<$type, Absent> {
                    parse_text(column, row)
                }
            }
        )*
    };
}

arguments!(char, serde_json::Value);
