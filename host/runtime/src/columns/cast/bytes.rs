//! Text and binary in all their layouts.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, GenericByteArray, OffsetSizeTrait};
use arrow_buffer::{ArrowNativeType as _, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;

use super::{Fail, build};

pub(super) fn convert(
    array: &ArrayRef,
    to: &DataType,
    fail: &mut Fail<'_>,
) -> Result<ArrayRef, String> {
    match to {
        DataType::Utf8 => layout::<GenericStringType<i32>>(array, fail),
        DataType::LargeUtf8 => layout::<GenericStringType<i64>>(array, fail),
        DataType::Binary => layout::<GenericBinaryType<i32>>(array, fail),
        DataType::LargeBinary => layout::<GenericBinaryType<i64>>(array, fail),
        DataType::Utf8View | DataType::BinaryView => {
            // A view's length has 32 bits; arrow's cast shares the bytes.
            let large = match to {
                DataType::Utf8View => layout::<GenericStringType<i64>>(array, fail)?,
                _ => layout::<GenericBinaryType<i64>>(array, fail)?,
            };
            arrow_cast::cast(&large, to).map_err(|e| e.to_string())
        }
        DataType::FixedSizeBinary(n) => fixed(array, *n, fail),
        other => Err(format!("bytes cannot be cast to {other}")),
    }
}

/// Each value's bytes, by index.
type Values<'a> = Box<dyn Fn(usize) -> &'a [u8] + 'a>;

/// The bytes of an array's values.
pub(super) fn values(array: &ArrayRef) -> Result<Values<'_>, String> {
    macro_rules! by {
        ($array:expr) => {{
            let array = $array;
            Box::new(move |i| AsRef::<[u8]>::as_ref(array.value(i)))
        }};
    }
    Ok(match array.data_type() {
        DataType::Utf8 => by!(array.as_string::<i32>()),
        DataType::LargeUtf8 => by!(array.as_string::<i64>()),
        DataType::Utf8View => by!(array.as_string_view()),
        DataType::Binary => by!(array.as_binary::<i32>()),
        DataType::LargeBinary => by!(array.as_binary::<i64>()),
        DataType::BinaryView => by!(array.as_binary_view()),
        DataType::FixedSizeBinary(_) => by!(array.as_fixed_size_binary()),
        other => return Err(format!("{other} is neither text nor binary")),
    })
}

/// As text or binary with offsets. `array` is text where `T` is.
fn layout<T: ByteArrayType>(array: &ArrayRef, fail: &mut Fail<'_>) -> Result<ArrayRef, String>
where
    T::Offset: OffsetSizeTrait,
{
    let shared = match array.data_type() {
        DataType::Utf8 => shared::<T, _>(array.as_string::<i32>()),
        DataType::Binary => shared::<T, _>(array.as_binary::<i32>()),
        DataType::LargeUtf8 => shared::<T, _>(array.as_string::<i64>()),
        DataType::LargeBinary => shared::<T, _>(array.as_binary::<i64>()),
        _ => None,
    };
    if let Some(shared) = shared {
        return Ok(shared);
    }
    let value = values(array)?;
    let nulls = array.nulls();
    let valid = |i: usize| nulls.is_none_or(|nulls| nulls.is_valid(i));
    let (mut bytes, mut offsets) = (Vec::new(), Vec::with_capacity(array.len() + 1));
    let mut failed = Vec::new();
    offsets.push(T::Offset::default());
    for i in 0..array.len() {
        if valid(i) {
            let value = value(i);
            match T::Offset::from_usize(bytes.len() + value.len()) {
                Some(_) => bytes.extend_from_slice(value),
                None => {
                    fail(i, &|| {
                        format!(
                            "{} bytes, and this column's values take at most 2 GiB in one batch",
                            value.len()
                        )
                    });
                    failed.push(i);
                }
            }
        }
        offsets.push(T::Offset::usize_as(bytes.len()));
    }
    // SAFETY: offsets begin with 0 and ascend to the length of the bytes.
    let offsets = unsafe { OffsetBuffer::new_unchecked(ScalarBuffer::from(offsets)) };
    Ok(assemble::<T>(
        offsets,
        Buffer::from_vec(bytes),
        build::fewer(array, &failed),
    ))
}

/// The array with other offsets, over the same bytes; `None` where the offsets
/// do not fit.
fn shared<T: ByteArrayType, F: ByteArrayType>(array: &GenericByteArray<F>) -> Option<ArrayRef> {
    let given = array.value_offsets();
    let (first, last) = (given[0].as_usize(), given[array.len()].as_usize());
    T::Offset::from_usize(last - first)?;
    let offsets: Vec<T::Offset> = given
        .iter()
        .map(|o| T::Offset::usize_as(o.as_usize() - first))
        .collect();
    // SAFETY: they ascend as the array's own do, begin with 0, and the last one fits.
    let offsets = unsafe { OffsetBuffer::new_unchecked(ScalarBuffer::from(offsets)) };
    let bytes = array.values().slice_with_length(first, last - first);
    Some(assemble::<T>(offsets, bytes, array.nulls().cloned()))
}

/// The array of these parts, of which the bytes are text where `T` is.
fn assemble<T: ByteArrayType>(
    offsets: OffsetBuffer<T::Offset>,
    bytes: Buffer,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    // SAFETY: offsets end within the bytes, and both are those of an array
    // whose values are text if `T` is: the rule has no way from binary to text.
    Arc::new(unsafe { GenericByteArray::<T>::new_unchecked(offsets, bytes, nulls) })
}

fn fixed(array: &ArrayRef, size: i32, fail: &mut Fail<'_>) -> Result<ArrayRef, String> {
    let width = usize::try_from(size).map_err(|e| e.to_string())?;
    let value = values(array)?;
    let mut bytes = Vec::with_capacity(array.len() * width);
    let mut failed = Vec::new();
    for i in 0..array.len() {
        let value = if array.is_valid(i) { value(i) } else { &[] };
        if value.len() == width {
            bytes.extend_from_slice(value);
            continue;
        }
        bytes.resize(bytes.len() + width, 0);
        if array.is_valid(i) {
            fail(i, &|| {
                format!("{} bytes where there must be {width}", value.len())
            });
            failed.push(i);
        }
    }
    let nulls = build::fewer(array, &failed);
    FixedSizeBinaryArray::try_new(size, Buffer::from_vec(bytes), nulls)
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|e| e.to_string())
}
