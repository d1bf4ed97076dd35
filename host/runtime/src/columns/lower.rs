//! Arrays on their way into the sandbox.

use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, ToByteSlice};
use arrow_data::ArrayData;

use super::Node;
use super::schema::{Layout, layout};

/// Lays an array out as the contract has it: no array offsets, value offsets
/// from 0, parents before children. Buffers are shared with the array but
/// where bits or offsets have to move.
///
/// The array is of a type that may cross (see [`layout`]).
pub(crate) fn lower(array: &ArrayRef) -> Vec<Node> {
    let mut nodes = Vec::new();
    push(&array.to_data(), &mut nodes);
    nodes
}

fn push(data: &ArrayData, nodes: &mut Vec<Node>) {
    let (start, len) = (data.offset(), data.len());
    let (validity, null_count) = match data.nulls() {
        Some(nulls) if nulls.null_count() > 0 => (bits(nulls.inner()), nulls.null_count()),
        _ => (Buffer::default(), 0),
    };
    let node = |buffers: Vec<Buffer>| Node {
        length: len as u64,
        null_count: null_count as u64,
        buffers,
    };
    match layout(data.data_type()) {
        Some(Layout::Bool) => {
            let values = BooleanBuffer::new(data.buffers()[0].clone(), start, len);
            nodes.push(node(vec![validity, bits(&values)]));
        }
        Some(Layout::Primitive(width) | Layout::FixedSizeBinary(width)) => {
            let values = data.buffers()[0].slice_with_length(start * width, len * width);
            nodes.push(node(vec![validity, values]));
        }
        Some(Layout::Bytes) => {
            let (offsets, from, to) = offsets::<i32>(data);
            nodes.push(node(vec![
                validity,
                offsets,
                data.buffers()[1].slice_with_length(from, to - from),
            ]));
        }
        Some(Layout::LargeBytes) => {
            let (offsets, from, to) = offsets::<i64>(data);
            nodes.push(node(vec![
                validity,
                offsets,
                data.buffers()[1].slice_with_length(from, to - from),
            ]));
        }
        Some(Layout::List | Layout::Map) => {
            let (offsets, from, to) = offsets::<i32>(data);
            nodes.push(node(vec![validity, offsets]));
            push(&data.child_data()[0].slice(from, to - from), nodes);
        }
        Some(Layout::LargeList) => {
            let (offsets, from, to) = offsets::<i64>(data);
            nodes.push(node(vec![validity, offsets]));
            push(&data.child_data()[0].slice(from, to - from), nodes);
        }
        Some(Layout::FixedSizeList(n)) => {
            nodes.push(node(vec![validity]));
            push(&data.child_data()[0].slice(start * n, len * n), nodes);
        }
        Some(Layout::Struct) => {
            nodes.push(node(vec![validity]));
            // A struct's children begin where it does: arrow slices them with
            // it, and the offset is its own bitmap's.
            for child in data.child_data() {
                push(&child.slice(0, len), nodes);
            }
        }
        None => unreachable!("types are checked when a plugin's signature is read"),
    }
}

/// A bitmap whose bit 0 is the first bit of its first byte.
fn bits(values: &BooleanBuffer) -> Buffer {
    if values.offset().is_multiple_of(8) {
        values
            .inner()
            .slice_with_length(values.offset() / 8, values.len().div_ceil(8))
    } else {
        values.sliced()
    }
}

/// The offsets of an array, counted from 0, and the range of its values that
/// they point into.
fn offsets<O: ArrowNativeType + std::ops::Sub<Output = O>>(
    data: &ArrayData,
) -> (Buffer, usize, usize) {
    if data.is_empty() {
        // An empty array may have no offsets at all; the contract wants one.
        return (Buffer::from(O::default().to_byte_slice()), 0, 0);
    }
    let offsets = &data.buffers()[0].typed_data::<O>()[data.offset()..=data.offset() + data.len()];
    let (from, to) = (offsets[0], offsets[data.len()]);
    let buffer = if from == O::default() {
        data.buffers()[0].slice_with_length(
            data.offset() * size_of::<O>(),
            (data.len() + 1) * size_of::<O>(),
        )
    } else {
        Buffer::from_vec(offsets.iter().map(|o| *o - from).collect::<Vec<O>>())
    };
    (buffer, from.as_usize(), to.as_usize())
}
