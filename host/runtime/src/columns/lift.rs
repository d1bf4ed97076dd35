//! Arrays on their way out of the sandbox. Everything here came from a plugin
//! and is hostile until checked.

use arrow_array::{ArrayRef, make_array};
use arrow_buffer::{BooleanBuffer, Buffer};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field};

use super::schema::{Layout, layout};
use crate::bindings::wudf::plugin::arrow::NodeResult;

/// Makes an array of `rows` values of a plugin's nodes, after checking all of
/// it: the number of nodes and buffers, lengths, null counts, offsets, UTF-8.
/// `field` is the declared type; the values themselves may always be null,
/// since rows fail.
///
/// # Errors
/// What is wrong, for people.
pub(crate) fn lift(field: &Field, nodes: Vec<NodeResult>, rows: usize) -> Result<ArrayRef, String> {
    let mut nodes = nodes.into_iter();
    let data = take(field.data_type(), &mut nodes, Some(rows), "")?;
    match nodes.len() {
        0 => Ok(make_array(data)),
        n => Err(format!("{n} nodes too many")),
    }
}

fn take(
    ty: &DataType,
    nodes: &mut std::vec::IntoIter<NodeResult>,
    length: Option<usize>,
    path: &str,
) -> Result<ArrayData, String> {
    let fail = |what: String| match path {
        "" => what,
        path => format!("{path}: {what}"),
    };
    let node = nodes
        .next()
        .ok_or_else(|| fail("a node is missing".into()))?;
    let len = usize::try_from(node.length)
        .ok()
        // Offsets are counted in 32 or 64 bits and sizes in bytes: this keeps
        // every product below well inside usize.
        .filter(|n| *n <= 1 << 40)
        .ok_or_else(|| fail(format!("a length of {} is absurd", node.length)))?;
    if let Some(wanted) = length.filter(|wanted| *wanted != len) {
        return Err(fail(format!("{len} values where {wanted} were due")));
    }
    let layout = layout(ty).ok_or_else(|| fail(format!("type {ty} cannot cross")))?;
    let count = match layout {
        Layout::Bool | Layout::Primitive(_) | Layout::List | Layout::LargeList => 2,
        Layout::Bytes | Layout::LargeBytes => 3,
        Layout::FixedSizeList(_) | Layout::Struct => 1,
    };
    if node.buffers.len() != count {
        return Err(fail(format!(
            "{} buffers where {ty} has {count}",
            node.buffers.len()
        )));
    }
    let mut buffers = node.buffers.into_iter().map(Buffer::from_vec);
    let mut next = |wanted: usize, what: &str| {
        let buffer = buffers.next().unwrap_or_default();
        if buffer.len() < wanted {
            return Err(fail(format!(
                "{} bytes of {what} where {len} values take {wanted}",
                buffer.len()
            )));
        }
        Ok(buffer)
    };

    let validity = next(0, "validity")?;
    let nulls = if validity.is_empty() {
        None
    } else if validity.len() < len.div_ceil(8) {
        return Err(fail(format!(
            "{} bytes of validity for {len} values",
            validity.len()
        )));
    } else {
        Some(arrow_buffer::NullBuffer::new(BooleanBuffer::new(
            validity, 0, len,
        )))
    };
    let null_count = nulls.as_ref().map_or(0, |n| n.null_count());
    if node.null_count != null_count as u64 {
        return Err(fail(format!(
            "{} nulls announced, {null_count} found",
            node.null_count
        )));
    }

    let builder = ArrayData::builder(ty.clone()).len(len).nulls(nulls);
    let child_path = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    let builder = match (layout, ty) {
        (Layout::Bool, _) => builder.add_buffer(next(len.div_ceil(8), "values")?),
        (Layout::Primitive(width), _) => {
            builder.add_buffer(next(len * width, "values")?.slice_with_length(0, len * width))
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
        (Layout::LargeList, DataType::LargeList(item)) => builder
            .add_buffer(next((len + 1) * 8, "offsets")?.slice_with_length(0, (len + 1) * 8))
            .add_child_data(take(item.data_type(), nodes, None, &child_path("item"))?),
        (Layout::FixedSizeList(n), DataType::FixedSizeList(item, _)) => {
            let items = len
                .checked_mul(n)
                .ok_or_else(|| fail("too many values".into()))?;
            builder.add_child_data(take(
                item.data_type(),
                nodes,
                Some(items),
                &child_path("item"),
            )?)
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
        Layout::Bytes | Layout::List => data.buffers()[0]
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
        _ => Ok(data),
    }
}
