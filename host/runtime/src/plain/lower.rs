//! A row of Arrow arrays as the arguments of a component's function.
//!
//! wasmtime's own `Val` takes 40 bytes for each byte of a `list<u8>`, and its typed calls
//! need types that are known when the host is compiled. So a row is a type of its own to
//! wasmtime: it says how it is written by the canonical ABI, straight from the arrays into
//! the sandbox's memory, whatever the function's type. It uses parts of wasmtime that are
//! public for its derive macros, and not documented; this file and `lift.rs` are the only
//! ones that do.

use std::mem::MaybeUninit;
use std::slice::IterMut;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use wasmtime::component::__internal::wasmtime_environ::component::VariantInfo;
use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext,
};
use wasmtime::component::{ComponentNamedList, ComponentType, Lower, ResourceAny};
use wasmtime::{Result, ValRaw};

use super::shape::Shape;

/// Core values that a function takes at most; more arguments go through memory.
const MAX_FLAT_PARAMS: usize = 16;

/// The arguments of one row. [`check`] has said of each that it has a value there.
pub(super) struct Row<'a> {
    /// The resource whose method is called.
    pub this: Option<ResourceAny>,
    pub shapes: &'a [Shape],
    pub arrays: &'a [ArrayRef],
    pub row: usize,
}

// SAFETY: `Lower` is an array of `ValRaw`. The type stands for any list of parameters:
// it looks at the function's type whenever it is lowered, and is an error where an
// argument is not of that type. `ABI` is for types inside of others, which a list of
// parameters never is.
unsafe impl ComponentType for Row<'_> {
    type Lower = [ValRaw; MAX_FLAT_PARAMS];

    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::POINTER_PAIR;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: as for `ComponentType`; it is a list of parameters.
unsafe impl ComponentNamedList for Row<'_> {}

// SAFETY: all of `dst` is written before anything else is done.
unsafe impl Lower for Row<'_> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        let mut slots = dst.write([ValRaw::u64(0); MAX_FLAT_PARAMS]).iter_mut();
        let InterfaceType::Tuple(index) = ty else {
            return Err(mismatch());
        };
        let tuple = &cx.types[index];
        let values = self.arrays.iter().zip(self.shapes);
        if tuple.types.len() != values.len() + usize::from(self.this.is_some()) {
            return Err(mismatch());
        }
        let mut place = match tuple.abi.flat_count(MAX_FLAT_PARAMS) {
            Some(_) => Place::Flat(&mut slots),
            None => {
                let at = cx.realloc(0, 0, tuple.abi.align32, tuple.abi.size32 as usize)?;
                *next(&mut slots)? = ValRaw::i64(at as i64);
                Place::Memory(at)
            }
        };
        let mut types = tuple.types.iter();
        if let (Some(this), Some(ty)) = (&self.this, types.as_slice().first()) {
            types.next();
            put(this, cx, *ty, &mut place.field(cx.types.canonical_abi(ty)))?;
        }
        for ((array, shape), ty) in values.zip(types) {
            let mut place = place.field(cx.types.canonical_abi(ty));
            lower(cx, *ty, array, at(array, self.row), shape, &mut place)?;
        }
        Ok(())
    }

    fn linear_lower_to_memory<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: usize,
    ) -> Result<()> {
        // Only for values inside of others, and for more core values than `Lower` has.
        Err(mismatch())
    }
}

/// Where a value goes: the next core values of a call, or an address in the sandbox's
/// memory.
enum Place<'p, 's> {
    Flat(&'p mut IterMut<'s, ValRaw>),
    Memory(usize),
}

impl<'s> Place<'_, 's> {
    /// The place of the next field, for a place that is a record's or a tuple's.
    fn field(&mut self, abi: &CanonicalAbiInfo) -> Place<'_, 's> {
        match self {
            Self::Flat(slots) => Place::Flat(slots),
            Self::Memory(offset) => Place::Memory(abi.next_field32_size(offset)),
        }
    }
}

/// Where the value of a row is: a constant has one for all rows.
pub(super) fn at(array: &ArrayRef, row: usize) -> usize {
    match array.len() {
        1 => 0,
        _ => row,
    }
}

/// Whether the row has a value for an argument of this shape, or is null where the
/// function takes no null.
///
/// # Errors
/// Why the row's value cannot be passed, for people.
pub(super) fn check(array: &dyn Array, row: usize, shape: &Shape) -> Result<bool, String> {
    if array.is_null(row) {
        return Ok(matches!(shape, Shape::Option(_)));
    }
    let inside = |array: &dyn Array, row, shape: &Shape| match check(array, row, shape)? {
        true => Ok(()),
        false => Err("a null inside the value, where the function takes none".to_owned()),
    };
    match shape {
        Shape::Option(inner) => return check(array, row, inner),
        Shape::Char => {
            let text = array.as_string::<i32>().value(row);
            if text.chars().nth(1).is_some() || text.is_empty() {
                let count = text.chars().count();
                return Err(format!(
                    "{count} characters, where the function takes exactly one"
                ));
            }
        }
        Shape::Enum(names) => {
            case(names, array, row)?;
        }
        Shape::Flags(names) => {
            bits(names, array, row)?;
        }
        Shape::List(item) => {
            let (items, range) = items(array, row);
            // Numbers without nulls are most lists, and long ones.
            if items.null_count() > 0 || !item.is_fixed() {
                for at in range {
                    inside(items, at, item)?;
                }
            }
        }
        Shape::Record(fields) => {
            for ((_, shape), column) in fields.iter().zip(array.as_struct().columns()) {
                inside(column, row, shape)?;
            }
        }
        Shape::Tuple(shapes) => {
            for (shape, column) in shapes.iter().zip(array.as_struct().columns()) {
                inside(column, row, shape)?;
            }
        }
        Shape::Variant(cases) => {
            let (index, payload) = variant(cases, array, row)?;
            if let (Some(shape), Some(column)) = (&cases[index].1, payload) {
                inside(column, row, shape)?;
            }
        }
        _ => {}
    }
    Ok(true)
}

/// Writes a row's value, of which [`check`] has said that it can be passed.
fn lower<T>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    array: &dyn Array,
    row: usize,
    shape: &Shape,
    place: &mut Place<'_, '_>,
) -> Result<()> {
    macro_rules! number {
        ($arrow:ty) => {
            put(&array.as_primitive::<$arrow>().value(row), cx, ty, place)
        };
    }
    match (shape, ty) {
        (Shape::Bool, InterfaceType::Bool) => put(&array.as_boolean().value(row), cx, ty, place),
        (Shape::S8, InterfaceType::S8) => number!(Int8Type),
        (Shape::S16, InterfaceType::S16) => number!(Int16Type),
        (Shape::S32, InterfaceType::S32) => number!(Int32Type),
        (Shape::S64, InterfaceType::S64) => number!(Int64Type),
        (Shape::U8, InterfaceType::U8) => number!(UInt8Type),
        (Shape::U16, InterfaceType::U16) => number!(UInt16Type),
        (Shape::U32, InterfaceType::U32) => number!(UInt32Type),
        (Shape::U64, InterfaceType::U64) => number!(UInt64Type),
        (Shape::F32, InterfaceType::Float32) => number!(Float32Type),
        (Shape::F64, InterfaceType::Float64) => number!(Float64Type),
        (Shape::Char, InterfaceType::Char) => {
            let text = array.as_string::<i32>().value(row);
            put(&text.chars().next().unwrap_or_default(), cx, ty, place)
        }
        (Shape::String, InterfaceType::String) => {
            put_pair(array.as_string::<i32>().value(row), cx, ty, place)
        }
        (Shape::Bytes, InterfaceType::List(list))
            if cx.types[list].element == InterfaceType::U8 =>
        {
            put_pair(array.as_binary::<i32>().value(row), cx, ty, place)
        }
        (Shape::List(item), InterfaceType::List(list)) => {
            let (items, range) = items(array, row);
            let element = cx.types[list].element;
            macro_rules! numbers {
                ($arrow:ty) => {
                    put_pair(
                        &items.as_primitive::<$arrow>().values()[range],
                        cx,
                        ty,
                        place,
                    )
                };
            }
            match (item.as_ref(), element) {
                (Shape::S8, InterfaceType::S8) => numbers!(Int8Type),
                (Shape::S16, InterfaceType::S16) => numbers!(Int16Type),
                (Shape::S32, InterfaceType::S32) => numbers!(Int32Type),
                (Shape::S64, InterfaceType::S64) => numbers!(Int64Type),
                (Shape::U16, InterfaceType::U16) => numbers!(UInt16Type),
                (Shape::U32, InterfaceType::U32) => numbers!(UInt32Type),
                (Shape::U64, InterfaceType::U64) => numbers!(UInt64Type),
                (Shape::F32, InterfaceType::Float32) => numbers!(Float32Type),
                (Shape::F64, InterfaceType::Float64) => numbers!(Float64Type),
                (item, element) => {
                    let abi = cx.types.canonical_abi(&element);
                    let (align, size) = (abi.align32, abi.size32 as usize);
                    let len = range.len();
                    let bytes = len.checked_mul(size).ok_or_else(mismatch)?;
                    let start = cx.realloc(0, 0, align, bytes)?;
                    for (i, at) in range.enumerate() {
                        let mut place = Place::Memory(start + i * size);
                        lower(cx, element, items, at, item, &mut place)?;
                    }
                    put_address(start, len, cx, place)
                }
            }
        }
        (Shape::Option(inner), InterfaceType::Option(option)) => {
            let option = &cx.types[option];
            let payload = (!array.is_null(row)).then_some((option.ty, array, inner.as_ref()));
            put_case(
                cx,
                u32::from(payload.is_some()),
                &option.info,
                &option.abi,
                payload,
                row,
                place,
            )
        }
        (Shape::Record(fields), InterfaceType::Record(record)) => {
            let types = &cx.types[record].fields;
            let columns = array.as_struct().columns();
            if fields.len() != types.len() || columns.len() != types.len() {
                return Err(mismatch());
            }
            for (((_, shape), column), field) in fields.iter().zip(columns).zip(types) {
                let mut place = place.field(cx.types.canonical_abi(&field.ty));
                lower(cx, field.ty, column, row, shape, &mut place)?;
            }
            Ok(())
        }
        (Shape::Tuple(shapes), InterfaceType::Tuple(tuple)) => {
            let types = &cx.types[tuple].types;
            let columns = array.as_struct().columns();
            if shapes.len() != types.len() || columns.len() != types.len() {
                return Err(mismatch());
            }
            for ((shape, column), ty) in shapes.iter().zip(columns).zip(types) {
                let mut place = place.field(cx.types.canonical_abi(ty));
                lower(cx, *ty, column, row, shape, &mut place)?;
            }
            Ok(())
        }
        (Shape::Enum(names), InterfaceType::Enum(index)) => {
            let ty = &cx.types[index];
            if names.len() != ty.names.len() {
                return Err(mismatch());
            }
            let case = case(names, array, row).map_err(wasmtime::Error::msg)?;
            put_case(cx, number(case)?, &ty.info, &ty.abi, None, row, place)
        }
        (Shape::Variant(cases), InterfaceType::Variant(index)) => {
            let ty = &cx.types[index];
            let (case, payload) = variant(cases, array, row).map_err(wasmtime::Error::msg)?;
            let (_, wanted) = ty.cases.get_index(case).ok_or_else(mismatch)?;
            let payload = match (wanted, payload, &cases[case].1) {
                (Some(ty), Some(column), Some(shape)) => Some((*ty, column, shape)),
                (None, None, None) => None,
                _ => return Err(mismatch()),
            };
            put_case(cx, number(case)?, &ty.info, &ty.abi, payload, row, place)
        }
        (Shape::Flags(names), InterfaceType::Flags(index)) => {
            let size = cx.types[index].abi.size32 as usize;
            let bits = bits(names, array, row).map_err(wasmtime::Error::msg)?;
            match place {
                Place::Flat(slots) => {
                    for word in bits.chunks(4) {
                        let mut bytes = [0; 4];
                        bytes[..word.len()].copy_from_slice(word);
                        *next(slots)? = ValRaw::u32(u32::from_le_bytes(bytes));
                    }
                }
                Place::Memory(at) => {
                    let memory = cx.as_slice_mut().get_mut(*at..);
                    let memory = memory.and_then(|m| m.get_mut(..size));
                    let memory = memory.ok_or_else(mismatch)?;
                    let (bits, rest) = (bits.get(..size), bits.get(size..));
                    if rest.is_some_and(|rest| rest.iter().any(|b| *b != 0)) {
                        return Err(mismatch());
                    }
                    memory.copy_from_slice(bits.ok_or_else(mismatch)?);
                }
            }
            Ok(())
        }
        _ => Err(mismatch()),
    }
}

/// Writes a value that is one core value.
fn put<V: Lower + ComponentType<Lower = ValRaw>, T>(
    value: &V,
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    place: &mut Place<'_, '_>,
) -> Result<()> {
    match place {
        Place::Flat(slots) => {
            let mut flat = MaybeUninit::uninit();
            value.linear_lower_to_flat(cx, ty, &mut flat)?;
            // SAFETY: lowering writes all of it unless it fails.
            *next(slots)? = unsafe { flat.assume_init() };
            Ok(())
        }
        Place::Memory(at) => value.linear_lower_to_memory(cx, ty, *at),
    }
}

/// Writes a string or a list, which is an address and a length.
fn put_pair<V: Lower + ComponentType<Lower = [ValRaw; 2]> + ?Sized, T>(
    value: &V,
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    place: &mut Place<'_, '_>,
) -> Result<()> {
    match place {
        Place::Flat(slots) => {
            let mut flat = MaybeUninit::uninit();
            value.linear_lower_to_flat(cx, ty, &mut flat)?;
            // SAFETY: lowering writes all of it unless it fails.
            for value in unsafe { flat.assume_init() } {
                *next(slots)? = value;
            }
            Ok(())
        }
        Place::Memory(at) => value.linear_lower_to_memory(cx, ty, *at),
    }
}

fn put_address<T>(
    address: usize,
    len: usize,
    cx: &mut LowerContext<'_, T>,
    place: &mut Place<'_, '_>,
) -> Result<()> {
    for (i, value) in [number(address)?, number(len)?].into_iter().enumerate() {
        match place {
            Place::Flat(slots) => *next(slots)? = ValRaw::u32(value),
            Place::Memory(at) => *cx.get(*at + 4 * i) = value.to_le_bytes(),
        }
    }
    Ok(())
}

/// Writes which case it is, and the value of the case.
fn put_case<T>(
    cx: &mut LowerContext<'_, T>,
    case: u32,
    info: &VariantInfo,
    abi: &CanonicalAbiInfo,
    payload: Option<(InterfaceType, &dyn Array, &Shape)>,
    row: usize,
    place: &mut Place<'_, '_>,
) -> Result<()> {
    match place {
        Place::Flat(slots) => {
            *next(slots)? = ValRaw::u32(case);
            let mut used = 1;
            if let Some((ty, array, shape)) = payload {
                lower(cx, ty, array, row, shape, &mut Place::Flat(slots))?;
                used += flat_count(cx.types.canonical_abi(&ty))?;
            }
            // The slots that other cases would fill are zero already.
            for _ in used..flat_count(abi)? {
                next(slots)?;
            }
        }
        Place::Memory(at) => {
            let case = case.to_le_bytes();
            match usize::from(info.size) {
                1 => *cx.get(*at) = [case[0]],
                2 => *cx.get(*at) = [case[0], case[1]],
                _ => *cx.get(*at) = case,
            }
            if let Some((ty, array, shape)) = payload {
                let mut place = Place::Memory(*at + info.payload_offset32 as usize);
                lower(cx, ty, array, row, shape, &mut place)?;
            }
        }
    }
    Ok(())
}

/// The items of a row's list: their array, and where in it they are.
fn items(array: &dyn Array, row: usize) -> (&dyn Array, std::ops::Range<usize>) {
    let list = array.as_list::<i32>();
    let at = |i: usize| usize::try_from(list.value_offsets()[i]).unwrap_or(0);
    (list.values(), at(row)..at(row + 1))
}

/// Which of the names the row's text is.
fn case(names: &[String], array: &dyn Array, row: usize) -> Result<usize, String> {
    let text = array.as_string::<i32>().value(row);
    let found = names.iter().position(|name| name == text);
    found.ok_or_else(|| {
        let text = crate::error::printable(text, 60);
        format!("`{text}` is not one of: {}", names.join(", "))
    })
}

/// The case that a row's struct has, and its payload.
fn variant<'a>(
    cases: &[(String, Option<Shape>)],
    array: &'a dyn Array,
    row: usize,
) -> Result<(usize, Option<&'a dyn Array>), String> {
    let columns = array.as_struct().columns();
    let names: Vec<String> = cases.iter().map(|(name, _)| name.clone()).collect();
    let tag = columns.first().filter(|tag| !tag.is_null(row));
    let tag = tag.ok_or("a variant without a `tag`")?;
    let index = case(&names, tag, row)?;
    let payload = cases[index].1.is_some().then(|| {
        // A column follows the tag for each case that has a value.
        let before = cases[..index].iter().filter(|(_, shape)| shape.is_some());
        columns[1 + before.count()].as_ref()
    });
    Ok((index, payload))
}

/// The flags that a row's list of names sets, 32 of them in four bytes.
fn bits(names: &[String], array: &dyn Array, row: usize) -> Result<Vec<u8>, String> {
    let mut bits = vec![0; names.len().div_ceil(32) * 4];
    let (items, range) = items(array, row);
    for at in range {
        if items.is_null(at) {
            return Err("a null among the names of flags".into());
        }
        let flag = case(names, items, at)?;
        bits[flag / 8] |= 1 << (flag % 8);
    }
    Ok(bits)
}

fn flat_count(abi: &CanonicalAbiInfo) -> Result<usize> {
    abi.flat_count(usize::MAX).ok_or_else(mismatch)
}

fn number(n: usize) -> Result<u32> {
    u32::try_from(n).map_err(|_| mismatch())
}

fn next<'s>(slots: &mut IterMut<'s, ValRaw>) -> Result<&'s mut ValRaw> {
    slots.next().ok_or_else(mismatch)
}

fn mismatch() -> wasmtime::Error {
    wasmtime::Error::msg("an argument of another type than the function has")
}
