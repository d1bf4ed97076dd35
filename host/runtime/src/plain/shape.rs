//! WIT types that columns can be made of.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};
use wasmtime::component::types::Type;

/// Deepest nesting of a type.
const MAX_DEPTH: usize = 16;

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
            Type::Variant(_) => return Err("a variant has no column type".into()),
            Type::Enum(_) => return Err("an enum has no column type".into()),
            Type::Flags(_) => return Err("flags have no column type".into()),
            Type::Result(_) => return Err("a result is only for what a function returns".into()),
            Type::Own(_) | Type::Borrow(_) => {
                return Err("a resource cannot leave the sandbox".into());
            }
            _ => return Err("a type that columns do not have".into()),
        })
    }

    /// The shape of what a function returns, and whether rows may fail.
    pub(super) fn of_result(ty: &Type) -> Result<(Self, bool), String> {
        match ty {
            Type::Result(result) => {
                let ok = result.ok().ok_or("a result without a value")?;
                match result.err() {
                    None | Some(Type::String) => Ok((Self::new(&ok, 0)?, true)),
                    Some(_) => Err("an error that is no string".into()),
                }
            }
            ty => Ok((Self::new(ty, 0)?, false)),
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
            Self::Char | Self::String => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::List(item) => DataType::List(Arc::new(item.field("item"))),
            Self::Option(inner) => return (inner.arrow().0, true),
            Self::Record(_) | Self::Tuple(_) => DataType::Struct(self.fields()),
        };
        (ty, false)
    }

    pub(super) fn field(&self, name: &str) -> Field {
        let (ty, nullable) = self.arrow();
        Field::new(name.replace('-', "_"), ty, nullable)
    }

    /// The fields of a record or a tuple (`f0`, `f1`, ...).
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
            _ => Fields::empty(),
        }
    }
}
