//! Fields: a column's name and type.

use crate::bindings::wudf::plugin::arrow::Field;

/// A type that a column can have.
pub trait Typed {
    /// Appends the field of this name, and those of its children.
    fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>);
}

/// One field without metadata.
pub fn field(name: &str, format: impl Into<String>, nullable: bool, children: u32) -> Field {
    Field {
        name: name.to_owned(),
        format: format.into(),
        nullable,
        children,
        metadata: Vec::new(),
    }
}

/// The name of a list's items.
pub(crate) const ITEM: &str = "item";
