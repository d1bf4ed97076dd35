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

/// One field of an extension type.
pub(crate) fn extension(name: &str, format: &str, nullable: bool, extension: &str) -> Field {
    let mut field = field(name, format, nullable, 0);
    extend(&mut field, extension, "");
    field
}

/// Makes a field one of this extension type.
pub fn extend(field: &mut Field, name: &str, metadata: &str) {
    field.metadata.extend([
        ("ARROW:extension:name".to_owned(), name.to_owned()),
        ("ARROW:extension:metadata".to_owned(), metadata.to_owned()),
    ]);
}
