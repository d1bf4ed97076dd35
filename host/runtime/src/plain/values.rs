//! Values of a plain plugin: rows of arrays to WIT values, and back.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Float32Builder, ListBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, ListArray, PrimitiveArray, StringArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::Field;
use wasmtime::AsContextMut;
use wasmtime::component::{TypedFunc, Val};

use super::shape::Shape;
use crate::contract::RawFailure;

/// The value of a row; none for a null where the type has none.
///
/// # Errors
/// When a null is inside of the value, where the function takes none.
pub(super) fn read(array: &dyn Array, row: usize, shape: &Shape) -> Result<Option<Val>, String> {
    if let Shape::Option(inner) = shape {
        let value = if array.is_null(row) {
            None
        } else {
            read(array, row, inner)?
        };
        return Ok(Some(Val::Option(value.map(Box::new))));
    }
    if array.is_null(row) {
        return Ok(None);
    }
    let inside = |array: &dyn Array, row, shape| {
        read(array, row, shape)?
            .ok_or_else(|| "a null inside, where the function takes none".to_owned())
    };
    macro_rules! number {
        ($ty:ty, $val:ident) => {
            Val::$val(array.as_primitive::<$ty>().value(row))
        };
    }
    Ok(Some(match shape {
        Shape::Bool => Val::Bool(array.as_boolean().value(row)),
        Shape::S8 => number!(Int8Type, S8),
        Shape::S16 => number!(Int16Type, S16),
        Shape::S32 => number!(Int32Type, S32),
        Shape::S64 => number!(Int64Type, S64),
        Shape::U8 => number!(UInt8Type, U8),
        Shape::U16 => number!(UInt16Type, U16),
        Shape::U32 => number!(UInt32Type, U32),
        Shape::U64 => number!(UInt64Type, U64),
        Shape::F32 => number!(Float32Type, Float32),
        Shape::F64 => number!(Float64Type, Float64),
        Shape::String => Val::String(array.as_string::<i32>().value(row).to_owned()),
        Shape::Char => {
            let text = array.as_string::<i32>().value(row);
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => Val::Char(c),
                _ => {
                    return Err(format!(
                        "{} characters where the function takes one",
                        text.chars().count()
                    ));
                }
            }
        }
        Shape::Bytes => Val::List(
            array
                .as_binary::<i32>()
                .value(row)
                .iter()
                .map(|b| Val::U8(*b))
                .collect(),
        ),
        Shape::List(item) => {
            let items = array.as_list::<i32>().value(row);
            Val::List(
                (0..items.len())
                    .map(|i| inside(&items, i, item))
                    .collect::<Result<_, _>>()?,
            )
        }
        Shape::Record(fields) => {
            let columns = array.as_struct().columns();
            let values = fields.iter().zip(columns);
            Val::Record(
                values
                    .map(|((name, shape), column)| Ok((name.clone(), inside(column, row, shape)?)))
                    .collect::<Result<_, String>>()?,
            )
        }
        Shape::Tuple(shapes) => {
            let columns = array.as_struct().columns();
            let values = shapes.iter().zip(columns);
            Val::Tuple(
                values
                    .map(|(shape, column)| inside(column, row, shape))
                    .collect::<Result<_, _>>()?,
            )
        }
        Shape::Option(_) => return Err("an option of an option".into()),
    }))
}

/// A column of values; none where there is no value.
///
/// # Errors
/// When a value is not of the shape, which wasmtime rules out, or when offsets
/// overflow.
pub(super) fn column(shape: &Shape, values: Vec<Option<Val>>) -> Result<ArrayRef, String> {
    macro_rules! numbers {
        ($ty:ty, $val:ident) => {
            primitive::<$ty>(values, |value| match value {
                Val::$val(n) => Some(n),
                _ => None,
            })?
        };
    }
    Ok(match shape {
        Shape::Bool => {
            let values = each(
                values,
                |v| if let Val::Bool(b) = v { Some(b) } else { None },
            )?;
            Arc::new(BooleanArray::from(values))
        }
        Shape::S8 => numbers!(Int8Type, S8),
        Shape::S16 => numbers!(Int16Type, S16),
        Shape::S32 => numbers!(Int32Type, S32),
        Shape::S64 => numbers!(Int64Type, S64),
        Shape::U8 => numbers!(UInt8Type, U8),
        Shape::U16 => numbers!(UInt16Type, U16),
        Shape::U32 => numbers!(UInt32Type, U32),
        Shape::U64 => numbers!(UInt64Type, U64),
        Shape::F32 => numbers!(Float32Type, Float32),
        Shape::F64 => numbers!(Float64Type, Float64),
        Shape::Char | Shape::String => {
            let values = each(values, |v| match v {
                Val::String(s) => Some(s),
                Val::Char(c) => Some(c.to_string()),
                _ => None,
            })?;
            fits(values.iter().flatten().map(String::len).sum())?;
            Arc::new(StringArray::from(values))
        }
        Shape::Bytes => {
            let mut builder = BinaryBuilder::new();
            let mut bytes: Vec<u8> = Vec::new();
            for value in each(
                values,
                |v| if let Val::List(l) = v { Some(l) } else { None },
            )? {
                let Some(items) = value else {
                    builder.append_null();
                    continue;
                };
                bytes.clear();
                bytes.extend(
                    items
                        .iter()
                        .filter_map(|v| if let Val::U8(b) = v { Some(*b) } else { None }),
                );
                fits(builder.values_slice().len() + bytes.len())?;
                builder.append_value(&bytes);
            }
            Arc::new(builder.finish())
        }
        Shape::List(item) => {
            let lists = each(
                values,
                |v| if let Val::List(l) = v { Some(l) } else { None },
            )?;
            let nulls: NullBuffer = lists.iter().map(Option::is_some).collect::<Vec<_>>().into();
            fits(lists.iter().flatten().map(Vec::len).sum())?;
            let offsets =
                OffsetBuffer::from_lengths(lists.iter().map(|l| l.as_ref().map_or(0, Vec::len)));
            let items = column(
                item,
                lists.into_iter().flatten().flatten().map(Some).collect(),
            )?;
            Arc::new(ListArray::new(
                Arc::new(item.field("item")),
                offsets,
                items,
                Some(nulls),
            ))
        }
        Shape::Option(inner) => {
            let values = values.into_iter().map(|value| match value {
                Some(Val::Option(value)) => Ok(value.map(|value| *value)),
                None => Ok(None),
                Some(_) => Err(other()),
            });
            column(inner, values.collect::<Result<_, _>>()?)?
        }
        Shape::Record(fields) => {
            let rows = each(values, |v| match v {
                Val::Record(fields) => Some(fields.into_iter().map(|(_, value)| value).collect()),
                _ => None,
            })?;
            structs(shape, fields.iter().map(|(_, shape)| shape), rows)?
        }
        Shape::Tuple(shapes) => {
            let rows = each(values, |v| {
                if let Val::Tuple(values) = v {
                    Some(values)
                } else {
                    None
                }
            })?;
            structs(shape, shapes.iter(), rows)?
        }
    })
}

/// `func(list<u8>) -> result<list<f32>, string>`: pictures to vectors.
pub(super) type NumbersOfBytes<'a> = TypedFunc<(&'a [u8],), (Result<Vec<f32>, String>,)>;

/// Bytes to a list of numbers, row by row, without a value for each byte.
pub(super) fn numbers_of_bytes(
    mut store: impl AsContextMut,
    func: &NumbersOfBytes<'_>,
    argument: &ArrayRef,
) -> wasmtime::Result<(ArrayRef, Vec<RawFailure>)> {
    let field = Field::new("item", arrow_schema::DataType::Float32, false);
    let mut builder = ListBuilder::new(Float32Builder::new()).with_field(field);
    let mut failures = Vec::new();
    let bytes = argument.as_binary::<i32>();
    for (row, bytes) in bytes.iter().enumerate() {
        let Some(bytes) = bytes else {
            builder.append(false);
            continue;
        };
        match func.call(&mut store, (bytes,))?.0 {
            Ok(numbers) => {
                fits(builder.values().values_slice().len() + numbers.len())
                    .map_err(wasmtime::Error::msg)?;
                builder.values().append_slice(&numbers);
                builder.append(true);
            }
            Err(message) => {
                failures.push(failure(row, message));
                builder.append(false);
            }
        }
    }
    Ok((Arc::new(builder.finish()), failures))
}

/// A row that failed; calls have no more rows than 32 bits count.
pub(super) fn failure(row: usize, message: String) -> RawFailure {
    let row = u32::try_from(row).unwrap_or(u32::MAX);
    RawFailure {
        row,
        code: "invalid-input".to_owned(),
        message,
    }
}

/// What a failed row says.
pub(super) fn message(error: Option<&Val>) -> String {
    match error {
        Some(Val::String(message)) => message.clone(),
        _ => "the function gave no value".into(),
    }
}

fn structs<'a>(
    shape: &Shape,
    shapes: impl Iterator<Item = &'a Shape>,
    rows: Vec<Option<Vec<Val>>>,
) -> Result<ArrayRef, String> {
    let nulls: NullBuffer = rows.iter().map(Option::is_some).collect::<Vec<_>>().into();
    let shapes: Vec<&Shape> = shapes.collect();
    let mut columns: Vec<Vec<Option<Val>>> = shapes
        .iter()
        .map(|_| Vec::with_capacity(rows.len()))
        .collect();
    for row in rows {
        let mut values = row.map(Vec::into_iter);
        for column in &mut columns {
            column.push(values.as_mut().and_then(Iterator::next));
        }
    }
    let len = nulls.len();
    let arrays = shapes
        .into_iter()
        .zip(columns)
        .map(|(shape, values)| column(shape, values))
        .collect::<Result<Vec<_>, _>>()?;
    StructArray::try_new_with_length(shape.fields(), arrays, Some(nulls), len)
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|e| e.to_string())
}

fn primitive<T: ArrowPrimitiveType>(
    values: Vec<Option<Val>>,
    of: fn(Val) -> Option<T::Native>,
) -> Result<ArrayRef, String> {
    Ok(Arc::new(PrimitiveArray::<T>::from_iter(each(values, of)?)))
}

fn each<T>(values: Vec<Option<Val>>, of: fn(Val) -> Option<T>) -> Result<Vec<Option<T>>, String> {
    values
        .into_iter()
        .map(|value| value.map(|v| of(v).ok_or_else(other)).transpose())
        .collect()
}

/// That this many bytes or items can be counted by 32-bit offsets.
fn fits(total: usize) -> Result<(), String> {
    match i32::try_from(total) {
        Ok(_) => Ok(()),
        Err(_) => Err("one call's results are too large for one array".into()),
    }
}

fn other() -> String {
    "a value of another type than was said".into()
}
