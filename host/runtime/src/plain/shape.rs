//! WIT types that columns can be made of.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};
use wasmtime::component::types::Type;

/// Deepest nesting of a type.
const MAX_DEPTH: usize = 16;

/// Bytes of a name that becomes a value: a case, or a flag.
const MAX_NAME: usize = 256;

/// The field of a variant's struct that names the case.
pub(super) const TAG: &str = "tag";

/// A WIT type as far as columns go.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Bool,
    S8,
    S16,
    S32,
    S64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
    Char,
    String,
    /// `list<u8>`.
    Bytes,
    List(Box<Shape>),
    Option(Box<Shape>),
    /// Field names as WIT has them.
    Record(Vec<(String, Shape)>),
    Tuple(Vec<Shape>),
    /// A string: the name of the case.
    Enum(Vec<String>),
    /// A list of strings: the names of those that are set.
    Flags(Vec<String>),
    /// A struct: `tag`, the name of the case, and a nullable field for each case that has
    /// a value.
    Variant(Vec<(String, Option<Shape>)>),
}

impl Shape {
    /// # Errors
    /// Why there is no column of this type.
    pub(super) fn new(ty: &Type, depth: usize) -> Result<Self, String> {
        if depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH}"));
        }
        let inner = |ty: &Type| Self::new(ty, depth + 1);
        Ok(match ty {
            Type::Bool => Self::Bool,
            Type::S8 => Self::S8,
            Type::S16 => Self::S16,
            Type::S32 => Self::S32,
            Type::S64 => Self::S64,
            Type::U8 => Self::U8,
            Type::U16 => Self::U16,
            Type::U32 => Self::U32,
            Type::U64 => Self::U64,
            Type::Float32 => Self::F32,
            Type::Float64 => Self::F64,
            Type::Char => Self::Char,
            Type::String => Self::String,
            Type::List(list) => match list.ty() {
                Type::U8 => Self::Bytes,
                item => Self::List(Box::new(inner(&item)?)),
            },
            Type::Option(option) => match inner(&option.ty())? {
                Self::Option(_) => return Err("an option of an option".into()),
                shape => Self::Option(Box::new(shape)),
            },
            Type::Record(record) => Self::Record(
                record
                    .fields()
                    .map(|field| Ok((field.name.to_owned(), inner(&field.ty)?)))
                    .collect::<Result<_, String>>()?,
            ),
            Type::Tuple(tuple) => Self::Tuple(
                tuple
                    .types()
                    .map(|ty| inner(&ty))
                    .collect::<Result<_, _>>()?,
            ),
            Type::Enum(ty) => Self::Enum(ty.names().map(named).collect::<Result<_, _>>()?),
            Type::Flags(ty) => Self::Flags(ty.names().map(named).collect::<Result<_, _>>()?),
            Type::Variant(variant) => {
                let cases = variant.cases().map(|case| {
                    named(case.name)?;
                    if case.name == TAG && case.ty.is_some() {
                        return Err(format!(
                            "a variant with a case `{TAG}`, as its tag is called"
                        ));
                    }
                    let shape = case.ty.as_ref().map(&inner).transpose()?;
                    Ok((case.name.to_owned(), shape))
                });
                Self::Variant(cases.collect::<Result<_, _>>()?)
            }
            Type::Result(_) => {
                return Err("a `result` other than as what the function returns".into());
            }
            Type::Own(_) | Type::Borrow(_) => {
                return Err("a resource, which cannot leave the sandbox".into());
            }
            Type::Map(_) => {
                return Err("a map, which has no column type; use a list of tuples".into());
            }
            Type::FixedLengthList(_) => {
                return Err("a list of fixed length, which has no column type; use a list".into());
            }
            _ => return Err("a type that has no column type".into()),
        })
    }

    /// Whether it is a number, all of whose bits are values.
    pub(super) fn is_fixed(&self) -> bool {
        self.width().is_some()
    }

    /// Bytes of a number; nothing for other types.
    pub(super) fn width(&self) -> Option<usize> {
        Some(match self {
            Self::S8 | Self::U8 => 1,
            Self::S16 | Self::U16 => 2,
            Self::S32 | Self::U32 | Self::F32 => 4,
            Self::S64 | Self::U64 | Self::F64 => 8,
            _ => return None,
        })
    }

    /// Bytes that a null takes in a column.
    pub(super) fn null_size(&self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Option(inner) => inner.null_size(),
            Self::Record(fields) => fields.iter().map(|(_, shape)| shape.null_size()).sum(),
            Self::Tuple(shapes) => shapes.iter().map(Self::null_size).sum(),
            Self::Variant(cases) => {
                let values = cases.iter().filter_map(|(_, shape)| shape.as_ref());
                values.map(Self::null_size).sum::<usize>() + 4
            }
            // What is not a number has an offset.
            shape => shape.width().unwrap_or(4),
        }
    }

    /// The Arrow type, and whether it may be null.
    pub(super) fn arrow(&self) -> (DataType, bool) {
        let ty = match self {
            Self::Bool => DataType::Boolean,
            Self::S8 => DataType::Int8,
            Self::S16 => DataType::Int16,
            Self::S32 => DataType::Int32,
            Self::S64 => DataType::Int64,
            Self::U8 => DataType::UInt8,
            Self::U16 => DataType::UInt16,
            Self::U32 => DataType::UInt32,
            Self::U64 => DataType::UInt64,
            Self::F32 => DataType::Float32,
            Self::F64 => DataType::Float64,
            Self::Char | Self::String | Self::Enum(_) => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Flags(_) => DataType::List(Arc::new(Self::String.field("item"))),
            Self::List(item) => DataType::List(Arc::new(item.field("item"))),
            Self::Option(inner) => return (inner.arrow().0, true),
            Self::Record(_) | Self::Tuple(_) | Self::Variant(_) => DataType::Struct(self.fields()),
        };
        (ty, false)
    }

    pub(super) fn field(&self, name: &str) -> Field {
        let (ty, nullable) = self.arrow();
        Field::new(name.replace('-', "_"), ty, nullable)
    }

    /// The fields of a record, a tuple (`f0`, `f1`, ...) or a variant.
    pub(super) fn fields(&self) -> Fields {
        match self {
            Self::Record(fields) => fields
                .iter()
                .map(|(name, shape)| shape.field(name))
                .collect(),
            Self::Tuple(shapes) => shapes
                .iter()
                .enumerate()
                .map(|(i, shape)| shape.field(&format!("f{i}")))
                .collect(),
            Self::Variant(cases) => std::iter::once(Self::String.field(TAG))
                .chain(cases.iter().filter_map(|(name, shape)| {
                    Some(shape.as_ref()?.field(name).with_nullable(true))
                }))
                .collect(),
            _ => Fields::empty(),
        }
    }
}

/// A name that becomes a value.
fn named(name: &str) -> Result<String, String> {
    match name.len() {
        ..=MAX_NAME => Ok(name.to_owned()),
        _ => Err(format!(
            "a name of more than {MAX_NAME} bytes, which is too long"
        )),
    }
}
