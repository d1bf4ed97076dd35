//! Arrays on their way out of the sandbox. Everything here came from a plugin
//! and is hostile until checked.

use std::sync::Arc;

use arrow_array::{
    Array as _, ArrayRef, ArrowPrimitiveType, FixedSizeListArray, PrimitiveArray,
    downcast_primitive, make_array,
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, TimeUnit};

use super::schema::{Layout, layout};
use super::{Returned, nan};

/// The most values of a node. A value has 32 MiB by its type alone at most, so that no
/// product below leaves usize.
const MOST: usize = 1 << 36;

/// Makes an array of `rows` values of a plugin's nodes, after checking all of
/// it: the number of nodes and buffers, lengths, null counts, offsets, UTF-8.
/// `field` is the declared type; the values themselves may always be null,
/// since rows fail.
///
/// # Errors
/// What is wrong, for people.
pub(crate) fn lift(field: &Field, nodes: Vec<Returned>, rows: usize) -> Result<ArrayRef, String> {
    let ty = field.data_type();
    let mut nodes = nodes.into_iter();
    let array = match layout(ty) {
        // What most functions return needs no more looking at.
        Some(Layout::Primitive(width)) => {
            let mut node = Opened::next(&mut nodes, ty, Some(rows))?;
            let bytes = node.buffer(rows * width, "values")?;
            primitive(ty, bytes.slice_with_length(0, rows * width), node.nulls)?
        }
        _ => make_array(take(ty, &mut nodes, Some(rows), "")?),
    };
    match nodes.len() {
        0 => Ok(array),
        n => Err(format!("{n} nodes too many")),
    }
}

/// An array of exactly these values.
fn primitive(ty: &DataType, bytes: Buffer, nulls: Option<NullBuffer>) -> Result<ArrayRef, String> {
    macro_rules! array {
        ($type:ty) => {{
            type Native = <$type as ArrowPrimitiveType>::Native;
            let bytes = nan::canonical(ty, bytes);
            let values = ScalarBuffer::<Native>::from(aligned(bytes, align_of::<Native>()));
            let array =
                PrimitiveArray::<$type>::try_new(values, nulls).map_err(|e| e.to_string())?;
            Arc::new(array.with_data_type(ty.clone()))
        }};
    }
    let array: ArrayRef = downcast_primitive! {
        ty => (array),
        _ => return Err(format!("type {ty} cannot cross")),
    };
    if matches!(
        ty,
        DataType::Decimal128(..) | DataType::Time32(_) | DataType::Time64(_)
    ) {
        in_range(&array.to_data())?;
    }
    Ok(array)
}

/// The bytes at an address that is a multiple of `align`: nearly always they are,
/// and are not copied.
fn aligned(bytes: Buffer, align: usize) -> Buffer {
    match bytes.as_ptr().align_offset(align) {
        0 => bytes,
        _ => Buffer::from(bytes.as_slice()),
    }
}

/// A node whose length, number of buffers and nulls have been found to fit.
struct Opened {
    len: usize,
    nulls: Option<NullBuffer>,
    buffers: std::vec::IntoIter<Vec<u8>>,
}

impl Opened {
    fn next(
        nodes: &mut std::vec::IntoIter<Returned>,
        ty: &DataType,
        length: Option<usize>,
    ) -> Result<Self, String> {
        let node = nodes.next().ok_or("a node is missing")?;
        let len = usize::try_from(node.length)
            .ok()
            .filter(|n| *n <= MOST)
            .ok_or_else(|| format!("a length of {} is absurd", node.length))?;
        if let Some(wanted) = length.filter(|wanted| *wanted != len) {
            return Err(format!("{len} values where {wanted} were due"));
        }
        let count = match layout(ty) {
            Some(
                Layout::Bool
                | Layout::Primitive(_)
                | Layout::FixedSizeBinary(_)
                | Layout::List
                | Layout::LargeList
                | Layout::Map,
            ) => 2,
            Some(Layout::Bytes | Layout::LargeBytes) => 3,
            Some(Layout::FixedSizeList(_) | Layout::Struct) => 1,
            None => return Err(format!("type {ty} cannot cross")),
        };
        if node.buffers.len() != count {
            let given = node.buffers.len();
            return Err(format!("{given} buffers where {ty} has {count}"));
        }
        let mut opened = Self {
            len,
            nulls: None,
            buffers: node.buffers.into_iter(),
        };
        let validity = opened.buffer(0, "validity")?;
        if !validity.is_empty() {
            if validity.len() < len.div_ceil(8) {
                let bytes = validity.len();
                return Err(format!("{bytes} bytes of validity for {len} values"));
            }
            opened.nulls = Some(NullBuffer::new(BooleanBuffer::new(validity, 0, len)));
        }
        let found = opened.nulls.as_ref().map_or(0, NullBuffer::null_count);
        if node.null_count != found as u64 {
            let announced = node.null_count;
            return Err(format!("{announced} nulls announced, {found} found"));
        }
        Ok(opened)
    }

    /// The next buffer, of `wanted` bytes or more.
    fn buffer(&mut self, wanted: usize, what: &str) -> Result<Buffer, String> {
        let buffer = Buffer::from_vec(self.buffers.next().unwrap_or_default());
        if buffer.len() < wanted {
            return Err(format!(
                "{} bytes of {what} where {} values take {wanted}",
                buffer.len(),
                self.len
            ));
        }
        Ok(buffer)
    }
}

fn take(
    ty: &DataType,
    nodes: &mut std::vec::IntoIter<Returned>,
    length: Option<usize>,
    path: &str,
) -> Result<ArrayData, String> {
    let fail = |what: String| match path {
        "" => what,
        path => format!("{path}: {what}"),
    };
    let layout = layout(ty).ok_or_else(|| fail(format!("type {ty} cannot cross")))?;
    let mut node = Opened::next(nodes, ty, length).map_err(fail)?;
    let (len, nulls) = (node.len, node.nulls.take());
    let mut next = |wanted: usize, what: &str| node.buffer(wanted, what).map_err(fail);

    let child_path = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    let builder = ArrayData::builder(ty.clone()).len(len).nulls(nulls.clone());
    let builder = match (layout, ty) {
        (Layout::Bool, _) => builder.add_buffer(next(len.div_ceil(8), "values")?),
        (Layout::Primitive(width) | Layout::FixedSizeBinary(width), _) => {
            let bytes = next(len * width, "values")?.slice_with_length(0, len * width);
            builder.add_buffer(nan::canonical(ty, bytes))
        }
        (Layout::Bytes, _) => builder
            .add_buffer(next((len + 1) * 4, "offsets")?.slice_with_length(0, (len + 1) * 4))
            .add_buffer(next(0, "values")?),
        (Layout::LargeBytes, _) => builder
            .add_buffer(next((len + 1) * 8, "offsets")?.slice_with_length(0, (len + 1) * 8))
            .add_buffer(next(0, "values")?),
        (Layout::List, DataType::List(item)) => builder
            .add_buffer(next((len + 1) * 4, "offsets")?.slice_with_length(0, (len + 1) * 4))
            .add_child_data(take(item.data_type(), nodes, None, &child_path("item"))?),
        (Layout::Map, DataType::Map(entries, _)) => builder
            .add_buffer(next((len + 1) * 4, "offsets")?.slice_with_length(0, (len + 1) * 4))
            .add_child_data(
                entries_of(take(
                    entries.data_type(),
                    nodes,
                    None,
                    &child_path("entries"),
                )?)
                .map_err(fail)?,
            ),
        (Layout::LargeList, DataType::LargeList(item)) => builder
            .add_buffer(next((len + 1) * 8, "offsets")?.slice_with_length(0, (len + 1) * 8))
            .add_child_data(take(item.data_type(), nodes, None, &child_path("item"))?),
        (Layout::FixedSizeList(n), DataType::FixedSizeList(item, size)) => {
            let items = len
                .checked_mul(n)
                .ok_or_else(|| fail("too many values".into()))?;
            let path = child_path("item");
            let items = make_array(take(item.data_type(), nodes, Some(items), &path)?);
            return fixed_size_list(item, *size, items, nulls, len)
                .map(|list| list.to_data())
                .map_err(|e| fail(e.to_string()));
        }
        (Layout::Struct, DataType::Struct(fields)) => {
            fields.iter().try_fold(builder, |builder, f| {
                Ok::<_, String>(builder.add_child_data(take(
                    f.data_type(),
                    nodes,
                    Some(len),
                    &child_path(f.name()),
                )?))
            })?
        }
        _ => return Err(fail(format!("type {ty} cannot cross"))),
    };
    // Checks offsets, UTF-8, nulls where none may be, and that the first
    // offset is 0 is checked below: Arrow itself allows another.
    let data = builder
        .align_buffers(true)
        .build()
        .map_err(|e| fail(e.to_string()))?;
    let first = match layout {
        Layout::Bytes | Layout::List | Layout::Map => data.buffers()[0]
            .typed_data::<i32>()
            .first()
            .map(|o| i64::from(*o)),
        Layout::LargeBytes | Layout::LargeList => {
            data.buffers()[0].typed_data::<i64>().first().copied()
        }
        _ => None,
    };
    match first {
        Some(first) if first != 0 => Err(fail(format!("offsets begin with {first}, not 0"))),
        _ => {
            in_range(&data).map_err(fail)?;
            Ok(data)
        }
    }
}

/// Lists of one size. What checks the data of arrays makes a bit for each item where items
/// may not be null and lists are, were there billions of no bytes; this does so only where items
/// have nulls, and so have brought bits themselves.
///
/// # Errors
/// Arrow's, for items that are null and may not be.
pub(super) fn fixed_size_list(
    item: &FieldRef,
    size: i32,
    items: ArrayRef,
    nulls: Option<NullBuffer>,
    len: usize,
) -> Result<FixedSizeListArray, ArrowError> {
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    FixedSizeListArray::try_new_with_length(item.clone(), size, items, nulls, len)
}

/// A map's entries, of which none may be null: arrow looks at the keys alone.
fn entries_of(entries: ArrayData) -> Result<ArrayData, String> {
    match entries.null_count() {
        0 => Ok(entries),
        n => Err(format!("{n} null entries in maps")),
    }
}

/// Checks what the physical type allows and the logical one does not: engines
/// compute with decimals and times as if they were what they say.
fn in_range(data: &ArrayData) -> Result<(), String> {
    match data.data_type() {
        DataType::Decimal128(precision, _) => {
            let most = 10i128
                .checked_pow(u32::from(*precision))
                .unwrap_or(i128::MAX);
            let wrong = |n: &i128| n.unsigned_abs() >= most.unsigned_abs();
            first(data, wrong, &format!("has more than {precision} digits"))
        }
        DataType::Time32(unit) => {
            let most = if *unit == TimeUnit::Second {
                DAY
            } else {
                DAY * 1_000
            };
            let wrong = |n: &i32| !(0..most).contains(&i64::from(*n));
            first(data, wrong, "is not within one day")
        }
        DataType::Time64(unit) => {
            let most = match unit {
                TimeUnit::Nanosecond => DAY * 1_000_000_000,
                _ => DAY * 1_000_000,
            };
            first(
                data,
                |n: &i64| !(0..most).contains(n),
                "is not within one day",
            )
        }
        _ => Ok(()),
    }
}

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Refuses the first value that is wrong, if it is not null.
fn first<T: ArrowNativeType>(
    data: &ArrayData,
    wrong: impl Fn(&T) -> bool,
    what: &str,
) -> Result<(), String> {
    let values = &data.buffers()[0].typed_data::<T>()[data.offset()..data.offset() + data.len()];
    let found = values
        .iter()
        .enumerate()
        .find(|(i, n)| wrong(n) && data.is_valid(*i));
    match found {
        Some((i, n)) => Err(format!("value {i}, {n:?}, {what}")),
        None => Ok(()),
    }
}
