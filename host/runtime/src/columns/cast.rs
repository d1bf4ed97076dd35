//! From what an engine has to what a plugin declares.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, FieldRef};

/// Whether an array of `from` may stand for an argument of type `to`: the
/// same values laid out in another way (views, large offsets, dictionaries),
/// text as its bytes, numbers that lose nothing, and what is made of these.
pub fn castable(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    if from.equals_datatype(to) {
        return true;
    }
    match (from, to) {
        (Dictionary(_, value), to) => castable(value, to),
        (RunEndEncoded(_, value), to) => castable(value.data_type(), to),
        (Null, _) => true,
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Binary | LargeBinary) => true,
        (Binary | LargeBinary | BinaryView | FixedSizeBinary(_), Binary | LargeBinary) => true,
        (Int8, Int16 | Int32 | Int64 | Float32 | Float64) => true,
        (Int16, Int32 | Int64 | Float32 | Float64) => true,
        (Int32, Int64 | Float64) => true,
        (UInt8, Int16 | Int32 | Int64 | UInt16 | UInt32 | UInt64 | Float32 | Float64) => true,
        (UInt16, Int32 | Int64 | UInt32 | UInt64 | Float32 | Float64) => true,
        (UInt32, Int64 | UInt64 | Float64) => true,
        (Float16, Float32 | Float64) | (Float32, Float64) => true,
        (Timestamp(_, from), Timestamp(_, to)) => from == to || from.is_some() == to.is_some(),
        (
            List(from)
            | LargeList(from)
            | ListView(from)
            | LargeListView(from)
            | FixedSizeList(from, _),
            List(to) | LargeList(to),
        ) => castable(from.data_type(), to.data_type()),
        (FixedSizeList(from, n), FixedSizeList(to, m)) => {
            n == m && castable(from.data_type(), to.data_type())
        }
        (Struct(from), Struct(to)) => {
            from.len() == to.len()
                && from
                    .iter()
                    .zip(to)
                    .all(|(f, t)| f.name() == t.name() && castable(f.data_type(), t.data_type()))
        }
        _ => false,
    }
}

/// The type with nulls allowed everywhere in it. Whether a null may be where
/// it is, is the plugin's to say, of the row that has it; arrow would refuse
/// the whole column.
fn nullable(ty: &DataType) -> DataType {
    let field = |f: &FieldRef| {
        Arc::new(
            f.as_ref()
                .clone()
                .with_data_type(nullable(f.data_type()))
                .with_nullable(true),
        )
    };
    match ty {
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::FixedSizeList(item, n) => DataType::FixedSizeList(field(item), *n),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        ty => ty.clone(),
    }
}

/// The array as `to`, which must be [`castable`] from its type.
///
/// # Errors
/// Arrow's, when values do not fit (a timestamp out of range).
pub(crate) fn cast(array: ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type().equals_datatype(to) {
        return Ok(array);
    }
    cast_with_options(
        &array,
        &nullable(to),
        &CastOptions {
            safe: false,
            ..CastOptions::default()
        },
    )
}
