//! Fields of a struct that is null are null themselves.
//!
//! Arrow leaves open what is under a null struct, and plugins leave defaults
//! there. Some engines do not look (DataFusion's `get_field` ignores the
//! struct's validity) and would show them as values.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, GenericListArray, MapArray, OffsetSizeTrait, StructArray, make_array,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Field, FieldRef};

use super::lift::fixed_size_list;

/// The field as [`push_down`] makes it: fields of structs that may be null may be
/// null.
pub(crate) fn nullable_below(field: &Field) -> Field {
    let below = |field: &FieldRef| Arc::new(nullable_below(field));
    let ty = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|f| {
                    let nullable = field.is_nullable() || f.is_nullable();
                    Arc::new(nullable_below(&f.as_ref().clone().with_nullable(nullable)))
                })
                .collect(),
        ),
        DataType::List(item) => DataType::List(below(item)),
        DataType::LargeList(item) => DataType::LargeList(below(item)),
        DataType::FixedSizeList(item, n) => DataType::FixedSizeList(below(item), *n),
        DataType::Map(entries, sorted) => DataType::Map(below(entries), *sorted),
        ty => ty.clone(),
    };
    field.clone().with_data_type(ty)
}

/// The array with the nulls of structs in their fields too, as an array of `to`,
/// which [`nullable_below`] made of its type.
///
/// # Errors
/// Arrow's, where the array is not of that type.
pub(crate) fn push_down(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    Ok(match to {
        DataType::Struct(fields) => {
            let array = array.as_struct();
            let columns = array.columns().iter().zip(fields).map(|(column, field)| {
                let nulls = NullBuffer::union(array.nulls(), column.nulls());
                let column = match array.null_count() {
                    0 => column.clone(),
                    _ => with_nulls(column, nulls)?,
                };
                push_down(&column, field.data_type())
            });
            let columns = columns.collect::<Result<_, _>>()?;
            Arc::new(StructArray::try_new_with_length(
                fields.clone(),
                columns,
                array.nulls().cloned(),
                array.len(),
            )?)
        }
        DataType::List(item) => list::<i32>(array, item)?,
        DataType::LargeList(item) => list::<i64>(array, item)?,
        DataType::FixedSizeList(item, n) => {
            let list = array.as_fixed_size_list();
            let values = push_down(list.values(), item.data_type())?;
            let nulls = list.nulls().cloned();
            Arc::new(fixed_size_list(item, *n, values, nulls, list.len())?)
        }
        DataType::Map(entries, sorted) => {
            let map = array.as_map();
            let all: ArrayRef = Arc::new(map.entries().clone());
            let all = push_down(&all, entries.data_type())?;
            Arc::new(MapArray::try_new(
                entries.clone(),
                map.offsets().clone(),
                all.as_struct().clone(),
                map.nulls().cloned(),
                *sorted,
            )?)
        }
        _ => array.clone(),
    })
}

fn with_nulls(array: &ArrayRef, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    Ok(match array.data_type() {
        DataType::FixedSizeList(item, size) => {
            let items = array.as_fixed_size_list().values().clone();
            Arc::new(fixed_size_list(item, *size, items, nulls, array.len())?)
        }
        _ => make_array(array.to_data().into_builder().nulls(nulls).build()?),
    })
}

fn list<O: OffsetSizeTrait>(array: &ArrayRef, item: &FieldRef) -> Result<ArrayRef, ArrowError> {
    let list = array.as_list::<O>();
    let values = push_down(list.values(), item.data_type())?;
    let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
    let list = GenericListArray::<O>::try_new(item.clone(), offsets, values, nulls)?;
    Ok(Arc::new(list))
}
