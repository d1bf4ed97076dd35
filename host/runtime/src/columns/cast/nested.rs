//! Lists, structs and maps.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, GenericListArray, ListArray, MapArray, OffsetSizeTrait,
    StructArray, UInt64Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, FieldRef, Fields};

use super::build::fewer;
use super::{Fail, convert as cast, rule};

type Result<T = ArrayRef> = std::result::Result<T, String>;

/// Casts what is nested; `None` for what is not.
pub(super) fn convert(array: &ArrayRef, to: &DataType, fail: &mut Fail<'_>) -> Option<Result> {
    use DataType::*;
    let from = array.data_type();
    Some(match (from, to) {
        (Struct(_), Struct(fields)) => structs(array.as_struct(), fields, fail),
        (Map(..), Map(entries, _)) => {
            let map = array.as_map();
            let (offsets, from, len) = span(map.value_offsets());
            let entries_of = map.entries().slice(from, len);
            maps(
                &Lists {
                    array,
                    items: Arc::new(entries_of),
                    offsets,
                },
                entries,
                fail,
            )
        }
        (_, Map(entries, _)) if rule::item(from).is_some() => match lists(array) {
            Ok(lists) => maps(&lists, entries, fail),
            Err(error) => Err(error),
        },
        (Map(..), _) if rule::item(to).is_some() => {
            pairs(array.as_map()).and_then(|pairs| cast(&pairs, to, fail))
        }
        _ if rule::item(from).is_some() && rule::item(to).is_some() => list(array, to, fail),
        _ => return None,
    })
}

/// Lists of any layout, or maps: their items in one array, and where each list's
/// begin. Only items that belong to a row are there.
struct Lists<'a> {
    array: &'a ArrayRef,
    items: ArrayRef,
    /// One for each row and one more, from 0.
    offsets: Vec<usize>,
}

impl Lists<'_> {
    /// The row that an item belongs to, if that is not null, and which of the
    /// row's items it is.
    fn row(&self, item: usize) -> Option<(usize, usize)> {
        let row = self
            .offsets
            .partition_point(|o| *o <= item)
            .checked_sub(1)?;
        self.array
            .is_valid(row)
            .then(|| (row, item - self.offsets[row]))
    }

    fn rows(&self) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> + '_ {
        let ends = self.offsets.iter().skip(1);
        self.offsets
            .iter()
            .zip(ends)
            .map(|(from, to)| *from..*to)
            .enumerate()
    }
}

/// Offsets from 0, and the range of items that they are of.
fn span<O: OffsetSizeTrait>(offsets: &[O]) -> (Vec<usize>, usize, usize) {
    let first = offsets.first().map_or(0, |o| o.as_usize());
    let offsets: Vec<usize> = offsets.iter().map(|o| o.as_usize() - first).collect();
    let len = offsets.last().copied().unwrap_or(0);
    (offsets, first, len)
}

fn lists(array: &ArrayRef) -> Result<Lists<'_>> {
    fn of<'a, O: OffsetSizeTrait>(array: &'a ArrayRef, list: &GenericListArray<O>) -> Lists<'a> {
        let (offsets, from, len) = span(list.value_offsets());
        let items = list.values().slice(from, len);
        Lists {
            array,
            items,
            offsets,
        }
    }
    let as_list = |ty: DataType| arrow_cast::cast(array, &ty).map_err(|e| e.to_string());
    Ok(match array.data_type() {
        DataType::List(_) => of(array, array.as_list::<i32>()),
        DataType::LargeList(_) => of(array, array.as_list::<i64>()),
        DataType::ListView(item) => {
            let list = as_list(DataType::LargeList(item.clone()))?;
            of(array, list.as_list::<i64>())
        }
        DataType::LargeListView(item) => {
            let list = as_list(DataType::LargeList(item.clone()))?;
            of(array, list.as_list::<i64>())
        }
        DataType::FixedSizeList(_, n) => {
            let n = usize::try_from(*n).map_err(|e| e.to_string())?;
            // Its values are sliced with it.
            Lists {
                array,
                items: array.as_fixed_size_list().values().clone(),
                offsets: (0..=array.len()).map(|row| row * n).collect(),
            }
        }
        other => return Err(format!("{other} is not a list")),
    })
}

/// Casts items; an item that fails fails its row. The rows that did are added to
/// `failed`.
fn items(
    lists: &Lists<'_>,
    items: &ArrayRef,
    to: &DataType,
    failed: &mut Vec<usize>,
    fail: &mut Fail<'_>,
) -> Result {
    cast(items, to, &mut |item, why| {
        if let Some((row, nth)) = lists.row(item) {
            failed.push(row);
            fail(row, &|| format!("item {nth}: {}", why()));
        }
    })
}

fn list(array: &ArrayRef, to: &DataType, fail: &mut Fail<'_>) -> Result {
    let lists = lists(array)?;
    let Some(item) = rule::item(to) else {
        return Err(format!("{to} is not a list"));
    };
    let mut failed = Vec::new();
    let items = items(&lists, &lists.items, item, &mut failed, fail)?;
    let field = |field: &FieldRef| {
        let field = field
            .as_ref()
            .clone()
            .with_data_type(items.data_type().clone());
        Arc::new(field.with_nullable(true))
    };
    match to {
        DataType::List(f) | DataType::ListView(f) => {
            let list = variable::<i32>(&lists, field(f), items.clone(), &failed)?;
            view(list, to)
        }
        DataType::LargeList(f) | DataType::LargeListView(f) => {
            let list = variable::<i64>(&lists, field(f), items.clone(), &failed)?;
            view(list, to)
        }
        DataType::FixedSizeList(f, n) => fixed(&lists, field(f), *n, &items, failed, fail),
        other => Err(format!("{other} is not a list")),
    }
}

fn variable<O: OffsetSizeTrait>(
    lists: &Lists<'_>,
    field: FieldRef,
    items: ArrayRef,
    failed: &[usize],
) -> Result {
    let offsets = offsets::<O>(&lists.offsets)?;
    let list = GenericListArray::<O>::try_new(field, offsets, items, fewer(lists.array, failed));
    Ok(Arc::new(list.map_err(|e| e.to_string())?))
}

fn offsets<O: OffsetSizeTrait>(offsets: &[usize]) -> Result<OffsetBuffer<O>> {
    let last = offsets.last().copied().unwrap_or(0);
    if O::from_usize(last).is_none() {
        return Err(format!(
            "{last} items in all do not fit in one array: pass fewer rows at a time"
        ));
    }
    let offsets: Vec<O> = offsets.iter().map(|o| O::usize_as(*o)).collect();
    Ok(OffsetBuffer::new(offsets.into()))
}

/// The list in a layout of views, if the type is one.
fn view(list: ArrayRef, to: &DataType) -> Result {
    let to = match (to, list.data_type()) {
        (DataType::ListView(_), DataType::List(item)) => DataType::ListView(item.clone()),
        (DataType::LargeListView(_), DataType::LargeList(item)) => {
            DataType::LargeListView(item.clone())
        }
        _ => return Ok(list),
    };
    arrow_cast::cast(&list, &to).map_err(|e| e.to_string())
}

fn fixed(
    lists: &Lists<'_>,
    field: FieldRef,
    size: i32,
    items: &ArrayRef,
    mut failed: Vec<usize>,
    fail: &mut Fail<'_>,
) -> Result {
    let n = usize::try_from(size).map_err(|e| e.to_string())?;
    let mut whole = true;
    for (row, range) in lists.rows() {
        if range.len() == n {
            continue;
        }
        whole = false;
        if lists.array.is_valid(row) {
            fail(row, &|| {
                format!("{} items where there must be {n}", range.len())
            });
            failed.push(row);
        }
    }
    let items = if whole {
        items.clone()
    } else {
        // Lists of another length, null ones included, become as many nulls.
        let indices: UInt64Array = lists
            .rows()
            .flat_map(|(_, range)| {
                let fits = range.len() == n;
                (0..n).map(move |nth| fits.then_some((range.start + nth) as u64))
            })
            .collect();
        arrow_select::take::take(items, &indices, None).map_err(|e| e.to_string())?
    };
    let nulls = fewer(lists.array, &failed);
    let list =
        FixedSizeListArray::try_new_with_length(field, size, items, nulls, lists.array.len());
    Ok(Arc::new(list.map_err(|e| e.to_string())?))
}

fn structs(array: &StructArray, to: &Fields, fail: &mut Fail<'_>) -> Result {
    let mut columns = Vec::with_capacity(to.len());
    let mut fields = Vec::with_capacity(to.len());
    for field in to {
        let name = field.name();
        let column = array
            .column_by_name(name)
            .ok_or_else(|| format!("missing field `{name}`"))?;
        // What is under a null struct is nobody's.
        let column = cast(column, field.data_type(), &mut |row, why| {
            if array.is_valid(row) {
                fail(row, &|| format!("field `{name}`: {}", why()));
            }
        })?;
        let field = field
            .as_ref()
            .clone()
            .with_data_type(column.data_type().clone());
        fields.push(field.with_nullable(true));
        columns.push(column);
    }
    let nulls = array.nulls().cloned();
    StructArray::try_new_with_length(fields.into(), columns, nulls, array.len())
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|e| e.to_string())
}

/// A map as engines without maps have it: a list of structs of `key` and `value`.
fn pairs(map: &MapArray) -> Result {
    let entries = map.entries();
    let named = ["key", "value"].into_iter().zip(entries.columns());
    let (fields, columns): (Vec<_>, Vec<_>) = named
        .map(|(name, column)| {
            (
                Field::new(name, column.data_type().clone(), true),
                column.clone(),
            )
        })
        .unzip();
    let entries = StructArray::try_new(fields.into(), columns, None).map_err(|e| e.to_string())?;
    let field = Arc::new(Field::new("item", entries.data_type().clone(), true));
    ListArray::try_new(
        field,
        map.offsets().clone(),
        Arc::new(entries),
        map.nulls().cloned(),
    )
    .map(|list| Arc::new(list) as ArrayRef)
    .map_err(|e| e.to_string())
}

/// A map of entries, which are structs of a key and a value; `to` is the field of
/// the wanted map's entries.
fn maps(lists: &Lists<'_>, to: &FieldRef, fail: &mut Fail<'_>) -> Result {
    let entries = lists
        .items
        .as_struct_opt()
        .ok_or("a map's entries are structs")?;
    let (to_key, to_value) = rule::pair(to)?;
    // A map's by place, a list's by name.
    let (key, value) = match lists.array.data_type() {
        DataType::Map(..) => (Some(entries.column(0)), Some(entries.column(1))),
        _ => (
            entries.column_by_name("key"),
            entries.column_by_name("value"),
        ),
    };
    let (Some(key), Some(value)) = (key, value) else {
        return Err("a map's entries have a key and a value".into());
    };
    let mut failed = Vec::new();
    let nullable = key.null_count() > 0 || entries.null_count() > 0;
    if nullable {
        for entry in 0..entries.len() {
            if (key.is_null(entry) || entries.is_null(entry))
                && let Some((row, nth)) = lists.row(entry)
            {
                fail(row, &|| format!("entry {nth} of the map has no key"));
                failed.push(row);
            }
        }
    }
    let mut keys = items(lists, key, to_key.data_type(), &mut failed, fail)?;
    let mut values = items(lists, value, to_value.data_type(), &mut failed, fail)?;
    let mut ends = lists.offsets.clone();
    let nulls = fewer(lists.array, &failed);
    if keys.null_count() > 0 || nullable {
        // Keys of rows that have none cannot stay, not even under a null.
        let valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let kept: Vec<u64> = lists
            .rows()
            .flat_map(|(row, range)| if valid(row) { range } else { 0..0 })
            .map(|entry| entry as u64)
            .collect();
        let mut end = 0;
        for (row, range) in lists.rows() {
            end += if valid(row) { range.len() } else { 0 };
            ends[row + 1] = end;
        }
        let kept = UInt64Array::from(kept);
        let take = |array: &ArrayRef| {
            arrow_select::take::take(array, &kept, None).map_err(|e| e.to_string())
        };
        keys = take(&keys)?;
        values = take(&values)?;
    }
    let named = |field: &FieldRef, column: &ArrayRef, nullable| {
        let field = field
            .as_ref()
            .clone()
            .with_data_type(column.data_type().clone());
        field.with_nullable(nullable)
    };
    let fields = vec![named(to_key, &keys, false), named(to_value, &values, true)];
    let entries = StructArray::try_new(fields.into(), vec![keys, values], None);
    let entries = entries.map_err(|e| e.to_string())?;
    let field = to
        .as_ref()
        .clone()
        .with_data_type(entries.data_type().clone());
    let field = Arc::new(field.with_nullable(false));
    MapArray::try_new(field, offsets::<i32>(&ends)?, entries, nulls, false)
        .map(|map| Arc::new(map) as ArrayRef)
        .map_err(|e| e.to_string())
}
