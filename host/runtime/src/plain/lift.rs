//! What a component's function returned, read from the sandbox's memory.
//!
//! Numbers in lists and bytes are copied as they lie, one byte for a byte. Everything here
//! comes from the plugin: addresses, lengths and cases are checked before they are used,
//! and what is copied is paid for from the store's hostcall fuel.

use wasmtime::component::__internal::wasmtime_environ::component::VariantInfo;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift};
use wasmtime::{Error, Result, ValRaw};

use super::shape::Shape;

/// A value of any type. What it is called, and how wide its numbers are, is the
/// [`Shape`]'s to say.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// An option's `none`.
    Null,
    Bool(bool),
    /// A number's bits, in as many low bytes as its type has.
    Number(u64),
    /// A string, or a char.
    Text(String),
    /// `list<u8>`, or a list of numbers, little-endian.
    Bytes(Vec<u8>),
    /// A list of anything else.
    List(Vec<Value>),
    /// A record, or a tuple.
    Fields(Vec<Value>),
    /// The case of an enum, a variant or a `result`, and its value.
    Case(usize, Option<Box<Value>>),
    /// A byte for eight flags.
    Flags(Vec<u8>),
}

impl Value {
    /// Bytes that it takes in a column of its shape, where a name may be much longer than
    /// what stands for it in the sandbox, and a null has the width of its type.
    pub(super) fn size(&self, shape: &Shape) -> usize {
        let named = |names: &[String], i: usize| names.get(i).map_or(0, String::len) + 4;
        match (self, shape) {
            (Self::Null, shape) => shape.null_size(),
            (value, Shape::Option(inner)) => value.size(inner),
            (Self::Bool(_), _) => 1,
            (Self::Number(_), shape) => shape.width().unwrap_or(8),
            (Self::Text(text), _) => text.len() + 4,
            (Self::Bytes(bytes), _) => bytes.len() + 4,
            (Self::List(values), Shape::List(item)) => {
                values.iter().map(|value| value.size(item)).sum::<usize>() + 4
            }
            (Self::Fields(values), Shape::Record(fields)) => {
                let shapes = fields.iter().map(|(_, shape)| shape);
                values
                    .iter()
                    .zip(shapes)
                    .map(|(v, shape)| v.size(shape))
                    .sum()
            }
            (Self::Fields(values), Shape::Tuple(shapes)) => values
                .iter()
                .zip(shapes)
                .map(|(v, shape)| v.size(shape))
                .sum(),
            (Self::Case(case, _), Shape::Enum(names)) => named(names, *case),
            (Self::Case(case, value), Shape::Variant(cases)) => {
                let tag = cases.get(*case).map_or(0, |(name, _)| name.len());
                let values = cases.iter().enumerate().map(|(i, (_, shape))| {
                    let value = value.as_ref().filter(|_| i == *case);
                    match (shape, value) {
                        (Some(shape), Some(value)) => value.size(shape),
                        (Some(shape), None) => shape.null_size(),
                        (None, _) => 0,
                    }
                });
                values.sum::<usize>() + tag + 4
            }
            (Self::Flags(bits), Shape::Flags(names)) => {
                set(bits, names).map(|name| name.len() + 4).sum::<usize>() + 4
            }
            _ => 8,
        }
    }
}

/// The names of the flags that are set.
pub(super) fn set<'a>(bits: &[u8], names: &'a [String]) -> impl Iterator<Item = &'a String> {
    let names = names.iter().enumerate();
    names
        .filter(|(i, _)| bits.get(i / 8).is_some_and(|b| b >> (i % 8) & 1 == 1))
        .map(|(_, name)| name)
}

/// What a function returned: its only result.
pub(super) struct Returned(pub Value);

// SAFETY: `Lower` is an array of one `ValRaw`, which is what every function returns that
// returns anything: a value, or the address of one. The type stands for any result: it
// looks at the function's type whenever it is lifted. `ABI` is for types inside of
// others, which a list of results never is.
unsafe impl ComponentType for Returned {
    type Lower = [ValRaw; 1];

    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::SCALAR8;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: as for `ComponentType`; it is a list of results.
unsafe impl ComponentNamedList for Returned {}

// SAFETY: only what the function's type has is read, within the sandbox's memory.
unsafe impl Lift for Returned {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        [value]: &Self::Lower,
    ) -> Result<Self> {
        let InterfaceType::Tuple(index) = ty else {
            return Err(broken("no result"));
        };
        let types = cx.types;
        let tuple = &types[index];
        let [ty] = *tuple.types else {
            return Err(broken("other than one result"));
        };
        if tuple.abi.flat_count(1).is_some() {
            return lift(cx, ty, Source::Flat(*value)).map(Self);
        }
        let memory = slice(cx, value.get_u32() as usize, 1, &tuple.abi)?;
        lift(cx, ty, Source::Memory(memory)).map(Self)
    }

    fn linear_lift_from_memory(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &[u8],
    ) -> Result<Self> {
        Err(broken("a result inside of another"))
    }
}

/// Where a value comes from: a core value, which is all of it, or memory.
#[derive(Clone, Copy)]
enum Source<'a> {
    Flat(ValRaw),
    Memory(&'a [u8]),
}

impl<'a> Source<'a> {
    /// The low bytes, as many as a number has.
    fn number(self, width: usize) -> Result<u64> {
        let mut bytes = [0; 8];
        match self {
            Self::Flat(value) if width == 8 => return Ok(value.get_u64()),
            Self::Flat(value) => {
                bytes[..width].copy_from_slice(&value.get_u32().to_le_bytes()[..width]);
            }
            Self::Memory(memory) => bytes[..width].copy_from_slice(part(memory, 0, width)?),
        }
        Ok(u64::from_le_bytes(bytes))
    }

    /// An address and a length.
    fn pair(self) -> Result<(usize, usize)> {
        let Self::Memory(memory) = self else {
            return Err(broken("a list without an address and a length"));
        };
        let word = |at| Ok::<_, Error>(Source::Memory(part(memory, at, 4)?).number(4)? as usize);
        Ok((word(0)?, word(4)?))
    }

    /// The next of a record's fields, behind those that end at `offset`.
    fn field(self, abi: &CanonicalAbiInfo, offset: &mut usize) -> Result<Self> {
        Ok(match self {
            // A record that is one core value has one field.
            Self::Flat(_) => self,
            Self::Memory(memory) => {
                let at = abi.next_field32_size(offset);
                Self::Memory(part(memory, at, abi.size32 as usize)?)
            }
        })
    }
}

fn lift(cx: &mut LiftContext<'_>, ty: InterfaceType, source: Source<'_>) -> Result<Value> {
    let types = cx.types;
    Ok(match ty {
        InterfaceType::Bool => Value::Bool(source.number(1)? != 0),
        InterfaceType::Char => {
            let code = u32::try_from(source.number(4)?)?;
            let char = char::from_u32(code)
                .ok_or_else(|| broken("a char that is not a Unicode scalar value"))?;
            Value::Text(char.into())
        }
        InterfaceType::String => {
            let Source::Memory(memory) = source else {
                return Err(broken("a string without an address and a length"));
            };
            Value::Text(String::linear_lift_from_memory(cx, ty, memory)?)
        }
        InterfaceType::List(index) => {
            let element = types[index].element;
            let abi = types.canonical_abi(&element);
            let (start, len) = source.pair()?;
            let memory = slice(cx, start, len, abi)?;
            if width(element).is_some() {
                cx.consume_fuel(memory.len())?;
                return Ok(Value::Bytes(memory.to_vec()));
            }
            cx.consume_fuel_array(len, size_of::<Value>())?;
            let items = memory.chunks_exact((abi.size32 as usize).max(1));
            let items = items.map(|item| lift(cx, element, Source::Memory(item)));
            Value::List(items.collect::<Result<_>>()?)
        }
        InterfaceType::Record(index) => {
            fields(cx, types[index].fields.iter().map(|field| field.ty), source)?
        }
        InterfaceType::Tuple(index) => fields(cx, types[index].types.iter().copied(), source)?,
        InterfaceType::Option(index) => {
            let option = &types[index];
            let cases = [None, Some(option.ty)];
            match case(cx, &option.info, |case| cases.get(case).copied(), source)? {
                (_, Some(value)) => *value,
                (_, None) => Value::Null,
            }
        }
        InterfaceType::Result(index) => {
            let result = &types[index];
            let cases = [result.ok, result.err];
            let (case, value) = case(cx, &result.info, |case| cases.get(case).copied(), source)?;
            Value::Case(case, value)
        }
        InterfaceType::Variant(index) => {
            let variant = &types[index];
            let of = |case| Some(*variant.cases.get_index(case)?.1);
            let (case, value) = case(cx, &variant.info, of, source)?;
            Value::Case(case, value)
        }
        InterfaceType::Enum(index) => {
            let ty = &types[index];
            let of = |case| (case < ty.names.len()).then_some(None);
            Value::Case(case(cx, &ty.info, of, source)?.0, None)
        }
        InterfaceType::Flags(index) => {
            let flags = &types[index];
            let (size, bytes) = (flags.abi.size32 as usize, flags.names.len().div_ceil(8));
            let mut bits = match source {
                Source::Flat(value) => value.get_u32().to_le_bytes().to_vec(),
                Source::Memory(memory) => part(memory, 0, size)?.to_vec(),
            };
            bits.truncate(bytes);
            Value::Flags(bits)
        }
        ty => match width(ty) {
            Some(width) => Value::Number(source.number(width)?),
            None => return Err(broken("a type that has no column")),
        },
    })
}

fn fields(
    cx: &mut LiftContext<'_>,
    types: impl ExactSizeIterator<Item = InterfaceType>,
    source: Source<'_>,
) -> Result<Value> {
    cx.consume_fuel_array(types.len(), size_of::<Value>())?;
    let mut offset = 0;
    let values = types.map(|ty| {
        let field = source.field(cx.types.canonical_abi(&ty), &mut offset)?;
        lift(cx, ty, field)
    });
    Ok(Value::Fields(values.collect::<Result<_>>()?))
}

/// Which case it is, and the case's value. `types` says what value a case has; nothing
/// where there is no such case.
fn case(
    cx: &mut LiftContext<'_>,
    info: &VariantInfo,
    types: impl FnOnce(usize) -> Option<Option<InterfaceType>>,
    source: Source<'_>,
) -> Result<(usize, Option<Box<Value>>)> {
    let case = match source {
        Source::Flat(value) => value.get_u32() as usize,
        Source::Memory(_) => usize::try_from(source.number(info.size.into())?)?,
    };
    let ty = types(case).ok_or_else(|| broken("a case that its type does not have"))?;
    let value = match (ty, source) {
        (None, _) => None,
        (Some(_), Source::Flat(_)) => return Err(broken("a case without its value")),
        (Some(ty), Source::Memory(memory)) => {
            cx.consume_fuel(size_of::<Value>())?;
            let size = cx.types.canonical_abi(&ty).size32 as usize;
            let memory = part(memory, info.payload_offset32 as usize, size)?;
            Some(Box::new(lift(cx, ty, Source::Memory(memory))?))
        }
    };
    Ok((case, value))
}

/// How many bytes a number has; nothing for other types, `bool` and `char` included, of
/// which not every byte is a value.
fn width(ty: InterfaceType) -> Option<usize> {
    Some(match ty {
        InterfaceType::S8 | InterfaceType::U8 => 1,
        InterfaceType::S16 | InterfaceType::U16 => 2,
        InterfaceType::S32 | InterfaceType::U32 | InterfaceType::Float32 => 4,
        InterfaceType::S64 | InterfaceType::U64 | InterfaceType::Float64 => 8,
        _ => return None,
    })
}

/// `len` values of a type at an address of the sandbox's memory.
fn slice<'a>(
    cx: &LiftContext<'a>,
    start: usize,
    len: usize,
    abi: &CanonicalAbiInfo,
) -> Result<&'a [u8]> {
    if !start.is_multiple_of(abi.align32 as usize) {
        return Err(broken("an address that is not aligned for its type"));
    }
    let bytes = len.checked_mul(abi.size32 as usize);
    let memory = cx.memory().get(start..);
    bytes
        .and_then(|bytes| memory?.get(..bytes))
        .ok_or_else(|| broken("an address outside of the sandbox's memory"))
}

fn part(memory: &[u8], at: usize, len: usize) -> Result<&[u8]> {
    let part = memory.get(at..).and_then(|memory| memory.get(..len));
    part.ok_or_else(|| broken("fewer bytes than its type has"))
}

fn broken(what: &str) -> Error {
    Error::msg(format!("the function returned {what}"))
}
