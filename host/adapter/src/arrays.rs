//! Columns that come in over the Arrow C Data Interface.
//!
//! arrow takes much of the C Data Interface on trust: counts of buffers and
//! children that a type has, signs, alignment, strings. A mistake there would
//! be a panic at best. So the structures are walked first, and what they hold
//! is validated after; what is left to trust is that pointers point to as much
//! as the structures say.

use std::ffi::{CStr, c_char, c_void};
use std::mem::align_of;

use arrow_array::ffi::from_ffi_and_data_type;
use arrow_array::{ArrayRef, make_array, new_empty_array};
use arrow_buffer::ArrowNativeType;
use arrow_data::ffi::FFI_ArrowArray;
use arrow_data::{ArrayData, BufferSpec, layout};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, DataType};

/// How deep types may be nested: reading them recurses.
const MAX_DEPTH: usize = 64;

/// More elements than any memory has bytes.
const MAX_ELEMENTS: i64 = 1 << 48;

/// What stands in the way of a column, for people.
type Wrong = String;

/// `struct ArrowSchema`, whose fields arrow keeps to itself.
#[repr(C)]
struct Schema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *mut *mut Schema,
    dictionary: *mut Schema,
    release: Option<unsafe extern "C" fn(*mut Schema)>,
    private_data: *mut c_void,
}

/// The type that a schema says.
///
/// # Safety
/// The schema is NULL or one of the C Data Interface.
///
/// # Errors
/// What is wrong with it, as far as that can be seen.
pub unsafe fn data_type(schema: *const FFI_ArrowSchema) -> Result<DataType, Wrong> {
    // SAFETY: as the function's own.
    unsafe { check_schema(schema.cast(), 0) }?;
    // SAFETY: it is not NULL, or the check would have failed.
    DataType::try_from(unsafe { &*schema }).map_err(|e| format!("its schema: {e}"))
}

/// # Safety
/// As [`data_type`].
unsafe fn check_schema(schema: *const Schema, depth: usize) -> Result<(), Wrong> {
    // SAFETY: as the function's own.
    let schema = unsafe { schema.as_ref() }.ok_or("its schema is NULL")?;
    if depth == 0 && schema.release.is_none() {
        return Err("its schema was released".into());
    }
    if depth > MAX_DEPTH {
        return Err(format!("its type is nested deeper than {MAX_DEPTH}"));
    }
    if schema.format.is_null() {
        return Err("its schema has no format".into());
    }
    // SAFETY: it is not NULL, so that it is a C string.
    let format = unsafe { CStr::from_ptr(schema.format) };
    let format = format
        .to_str()
        .map_err(|_| "its schema's format is not UTF-8")?;
    // SAFETY: it is not NULL, so that it is a C string.
    if !schema.name.is_null() && unsafe { CStr::from_ptr(schema.name) }.to_str().is_err() {
        return Err("a name in its schema is not UTF-8".into());
    }
    let children = usize::try_from(schema.n_children).ok();
    let wanted = match format {
        "+s" => None,
        "+r" => Some(2),
        nested if nested.starts_with("+u") => None,
        nested if nested.starts_with('+') => Some(1),
        _ => Some(0),
    };
    let children = children
        .filter(|n| wanted.is_none_or(|wanted| wanted == *n))
        .filter(|n| *n == 0 || !schema.children.is_null())
        .ok_or_else(|| {
            let n = schema.n_children;
            format!("its schema: the type `{format}` cannot have {n} children")
        })?;
    for at in 0..children {
        // SAFETY: there are that many pointers.
        unsafe { check_schema(*schema.children.add(at), depth + 1) }?;
    }
    match schema.dictionary.is_null() {
        true => Ok(()),
        // SAFETY: it is not NULL, so that it is a schema.
        false => unsafe { check_schema(schema.dictionary, depth + 1) },
    }
}

/// An array of the type, over the buffers of whoever made it, who gets them back
/// when the last piece of it is dropped.
///
/// # Safety
/// The array is one of the C Data Interface, of this type.
///
/// # Errors
/// What is wrong with it, as far as that can be seen.
pub unsafe fn adopt(array: FFI_ArrowArray, ty: &DataType) -> Result<ArrayRef, Wrong> {
    if array.is_released() {
        return Err("its array was released".into());
    }
    // SAFETY: as the function's own.
    unsafe { import(array, ty) }
}

/// As [`adopt`], over buffers that stay whose they are: nothing is released when the last piece is
/// dropped.
///
/// # Safety
/// The array is NULL or one of the C Data Interface, of this type; it lives, unchanged, as long as
/// anybody reads what this gives.
///
/// # Errors
/// As [`adopt`].
pub unsafe fn borrow(array: *const FFI_ArrowArray, ty: &DataType) -> Result<ArrayRef, Wrong> {
    // SAFETY: as the function's own.
    let given = unsafe { array.as_ref() }.ok_or("its array is NULL")?;
    if given.is_released() {
        return Err("its array was released".into());
    }
    // SAFETY: the copy has no way to release anything, and so is but a look at the original.
    let look = unsafe {
        let mut look = std::ptr::read(array);
        look.release = None;
        look
    };
    // SAFETY: as the function's own.
    unsafe { import(look, ty) }
}

/// # Safety
/// As [`adopt`].
unsafe fn import(array: FFI_ArrowArray, ty: &DataType) -> Result<ArrayRef, Wrong> {
    // SAFETY: as the function's own.
    unsafe { check_array(&array, ty) }?;
    if array.is_empty() {
        // It need not have buffers.
        return Ok(new_empty_array(ty));
    }
    // SAFETY: as the function's own, and checked as far as can be.
    let data = unsafe { from_ffi_and_data_type(array, ty.clone()) }.map_err(|e| e.to_string())?;
    let broken = |e: ArrowError| format!("its array is broken: {e}");
    validate(&data).map_err(broken)?;
    Ok(make_array(cut(data).map_err(broken)?))
}

/// Checks what arrow relies on before it looks at buffers.
///
/// # Safety
/// As [`adopt`].
unsafe fn check_array(array: &FFI_ArrowArray, ty: &DataType) -> Result<(), Wrong> {
    let broken = |what: String| format!("its array is broken: {what}, in a {ty}");
    let total = array.length.checked_add(array.offset);
    let Some(total) =
        total.filter(|total| array.length >= 0 && array.offset >= 0 && *total <= MAX_ELEMENTS)
    else {
        let (length, offset) = (array.length, array.offset);
        return Err(broken(format!("length {length} and offset {offset}")));
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let total = total as usize;
    if array.null_count < -1 || array.null_count > array.length {
        let (nulls, length) = (array.null_count, array.length);
        return Err(broken(format!("{nulls} nulls in {length} elements")));
    }
    if let DataType::FixedSizeBinary(n) | DataType::FixedSizeList(_, n) = ty
        && *n < 0
    {
        return Err(broken(format!("values of size {n}")));
    }

    let layout = layout(ty);
    let validity = usize::from(layout.can_contain_null_mask);
    // The buffers that views point into, and one with their lengths.
    let views = usize::from(layout.variadic);
    let wanted = validity + layout.buffers.len() + views;
    let count = usize::try_from(array.n_buffers).ok();
    let Some(count) = count
        .filter(|n| *n == wanted || layout.variadic && *n > wanted)
        .filter(|n| *n == 0 || !array.buffers.is_null())
    else {
        let n = array.n_buffers;
        return Err(broken(format!("{n} buffers where there are {wanted}")));
    };
    if validity == 1 && array.null_count > 0 && array.buffer(0).is_null() {
        return Err(broken("nulls and no validity".into()));
    }
    for spec in &layout.buffers {
        if let BufferSpec::FixedWidth { byte_width, .. } = spec
            && total.checked_mul(byte_width * 8).is_none()
        {
            return Err(broken(format!("{total} elements of {byte_width} bytes")));
        }
    }
    // SAFETY: as the function's own, for a buffer that a type with offsets has.
    unsafe {
        match ty {
            DataType::Utf8 | DataType::Binary | DataType::List(_) | DataType::Map(..) => {
                check_offsets::<i32>(array, total)
            }
            DataType::LargeUtf8 | DataType::LargeBinary | DataType::LargeList(_) => {
                check_offsets::<i64>(array, total)
            }
            DataType::Utf8View | DataType::BinaryView => check_views(array, count - wanted),
            _ => Ok(()),
        }
    }
    .map_err(broken)?;

    let children: Vec<&DataType> = match ty {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => vec![item.data_type()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::RunEndEncoded(ends, values) => vec![ends.data_type(), values.data_type()],
        DataType::Union(fields, _) => fields.iter().map(|(_, field)| field.data_type()).collect(),
        _ => Vec::new(),
    };
    if usize::try_from(array.n_children) != Ok(children.len())
        || !children.is_empty() && array.children.is_null()
    {
        let n = array.n_children;
        return Err(broken(format!(
            "{n} children where there are {}",
            children.len()
        )));
    }
    for (at, ty) in children.into_iter().enumerate() {
        // SAFETY: there are that many pointers, to arrays or NULL.
        let child = unsafe { (*array.children.add(at)).as_ref() };
        // SAFETY: as the function's own.
        unsafe { check_array(child.ok_or_else(|| broken("a child is NULL".into()))?, ty) }?;
    }
    if let DataType::Dictionary(_, values) = ty {
        // SAFETY: it is an array or NULL.
        let dictionary = unsafe { array.dictionary.as_ref() };
        let dictionary = dictionary.ok_or_else(|| broken("no dictionary".into()))?;
        // SAFETY: as the function's own.
        unsafe { check_array(dictionary, values) }?;
    }
    Ok(())
}

/// Checks the ends of the offsets, by which the length of the values is known;
/// validation does the others.
///
/// # Safety
/// As [`adopt`]; buffer 1 is there, and is of offsets.
unsafe fn check_offsets<O: ArrowNativeType>(
    array: &FFI_ArrowArray,
    total: usize,
) -> Result<(), Wrong> {
    let offsets = array.buffer(1).cast::<O>();
    if offsets.is_null() {
        // Without elements there need be none; otherwise arrow refuses it.
        return Ok(());
    }
    if offsets.align_offset(align_of::<O>()) != 0 {
        return Err("offsets that are not aligned".into());
    }
    if array.length == 0 {
        return Ok(());
    }
    // SAFETY: it has an offset for each element and one more, and is aligned.
    let (first, last) = unsafe { (*offsets.add(array.offset()), *offsets.add(total)) };
    match (first.to_usize(), last.to_usize()) {
        (Some(from), Some(to)) if from <= to => Ok(()),
        _ => Err(format!("offsets from {first:?} to {last:?}")),
    }
}

/// Checks the lengths of the buffers that views point into.
///
/// # Safety
/// As [`adopt`]; behind validity and views there are `count` buffers and their
/// lengths.
unsafe fn check_views(array: &FFI_ArrowArray, count: usize) -> Result<(), Wrong> {
    let lengths = array.buffer(2 + count).cast::<i64>();
    if count > 0 && (lengths.is_null() || lengths.align_offset(align_of::<i64>()) != 0) {
        return Err("no lengths of the buffers behind its views".into());
    }
    for at in 0..count {
        // SAFETY: there are that many lengths, aligned.
        let length = unsafe { *lengths.add(at) };
        if isize::try_from(length).is_ok_and(|length| length >= 0) {
            continue;
        }
        return Err(format!("a buffer of {length} bytes"));
    }
    Ok(())
}

/// Validates values, and of children what the array reaches: one that is a small
/// slice of a large one must not cost what the large one does.
fn validate(data: &ArrayData) -> Result<(), ArrowError> {
    data.validate_data()?;
    let (start, len) = (data.offset(), data.len());
    if len == 0 {
        return Ok(());
    }
    for child in data.child_data() {
        let (from, len) = match data.data_type() {
            DataType::List(_) | DataType::Map(..) => span::<i32>(data),
            DataType::LargeList(_) => span::<i64>(data),
            DataType::FixedSizeList(_, n) => {
                let n = usize::try_from(*n).unwrap_or(0);
                (start * n, len * n)
            }
            DataType::Struct(_) => (start, len),
            _ => (0, child.len()),
        };
        validate(&part(child, from, len)?)?;
    }
    Ok(())
}

/// What a list's offsets, which are valid, point into: where it begins, and how much.
fn span<O: ArrowNativeType>(data: &ArrayData) -> (usize, usize) {
    let offsets = &data.buffers()[0].typed_data::<O>()[data.offset()..=data.offset() + data.len()];
    let (from, to) = (offsets[0].as_usize(), offsets[data.len()].as_usize());
    (from, to - from)
}

/// The same array, which has been validated, with the children of structs and fixed-size lists beginning where
/// these do. To get there [`make_array`] takes slices of the children, and so of structs among them
/// twice: see [`part`].
///
/// # Errors
/// As [`part`].
fn cut(data: ArrayData) -> Result<ArrayData, ArrowError> {
    let (start, len) = (data.offset(), data.len());
    let reached = match data.data_type() {
        DataType::Struct(_) => Some((start, len)),
        DataType::FixedSizeList(_, n) => {
            let n = usize::try_from(*n).unwrap_or(0);
            Some((start * n, len * n))
        }
        _ => None,
    };
    let children = data.child_data().iter().map(|child| match reached {
        Some((from, len)) => cut(part(child, from, len)?),
        None => cut(child.clone()),
    });
    let children = children.collect::<Result<Vec<_>, _>>()?;
    let builder = data.into_builder().child_data(children);
    let builder = match reached {
        Some(_) => builder.offset(0),
        None => builder,
    };
    // SAFETY: it is what was validated, without what it does not reach.
    Ok(unsafe { builder.build_unchecked() })
}

/// A part of an array. [`ArrayData::slice`] would take a struct's
/// children with it, and leave its offset as if it had not.
fn part(data: &ArrayData, from: usize, len: usize) -> Result<ArrayData, ArrowError> {
    if from + len > data.len() {
        return Err(ArrowError::InvalidArgumentError(format!(
            "{} values where {} are reached",
            data.len(),
            from + len
        )));
    }
    let nulls = data.nulls().map(|nulls| nulls.slice(from, len));
    let builder = data.clone().into_builder();
    let builder = builder.offset(data.offset() + from).len(len).nulls(nulls);
    // SAFETY: whoever asks for it has validated it, or does.
    Ok(unsafe { builder.build_unchecked() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Array, FixedSizeListArray, Int64Array, ListArray, StructArray};
    use arrow_buffer::{NullBuffer, OffsetBuffer};
    use arrow_schema::Field;

    use super::*;

    /// What comes of an array that begins at an offset, as other libraries slice.
    fn sliced(array: &ArrayRef, offset: usize, len: usize) -> ArrayRef {
        let data = part(&array.to_data(), offset, len).unwrap();
        // SAFETY: it is an array, and of this type.
        unsafe { adopt(FFI_ArrowArray::new(&data), array.data_type()) }.unwrap()
    }

    fn structs(field: &str, child: ArrayRef) -> ArrayRef {
        let nulls = (0..child.len()).map(|i| i % 5 != 3).collect::<Vec<_>>();
        let field = Arc::new(Field::new(field, child.data_type().clone(), true));
        Arc::new(StructArray::new(
            vec![field].into(),
            vec![child],
            Some(NullBuffer::from(nulls)),
        ))
    }

    #[test]
    fn slices_of_nested_arrays_begin_where_they_begin() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..24));
        let item = |array: &ArrayRef| Arc::new(Field::new("item", array.data_type().clone(), true));
        let twos = |array: &ArrayRef| -> ArrayRef {
            Arc::new(FixedSizeListArray::new(
                item(array),
                2,
                Arc::clone(array),
                None,
            ))
        };
        let lists = |array: &ArrayRef| -> ArrayRef {
            let offsets = OffsetBuffer::from_lengths(vec![3; array.len() / 3]);
            Arc::new(ListArray::new(
                item(array),
                offsets,
                Arc::clone(array),
                None,
            ))
        };
        let one = structs("b", numbers);
        for array in [
            structs("a", Arc::clone(&one)),
            structs("a", structs("aa", Arc::clone(&one))),
            twos(&one),
            twos(&twos(&one)),
            structs("a", twos(&one)),
            lists(&one),
            structs("a", lists(&structs("aa", Arc::clone(&one)))),
        ] {
            for (offset, len) in [(0, 2), (1, 3), (2, 2), (4, 1), (3, 0)] {
                let found = sliced(&array, offset, len);
                assert_eq!(&found, &array.slice(offset, len), "{offset}, {len}");
            }
        }
    }
}
