//! Columns of any type.

use std::borrow::Cow;

use super::{ANY, Dynamic, TimeUnit};
use crate::Date;
use crate::bindings::wudf::plugin::arrow::Field;
use crate::bits::{Validity, bit};
use crate::error::Error;
use crate::read::{Absent, Argument, Nodes, Offsets, misfit, validity};

/// A column of any type.
#[derive(Debug)]
pub struct DynamicColumn<'a> {
    name: &'a str,
    validity: Validity<'a>,
    values: Values<'a>,
}

#[derive(Debug)]
enum Values<'a> {
    Bool(&'a [u8]),
    /// Numbers of so many bytes.
    Fixed(&'a [u8], usize, Fixed),
    Text(Offsets<'a>, &'a [u8]),
    Binary(Offsets<'a>, &'a [u8]),
    List(Offsets<'a>, Box<DynamicColumn<'a>>),
    FixedList(usize, Box<DynamicColumn<'a>>),
    Struct(Vec<DynamicColumn<'a>>),
    Map(Offsets<'a>, Box<DynamicColumn<'a>>),
}

/// What the bytes of a fixed number of them are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fixed {
    Int,
    UInt,
    Float,
    Decimal(i8),
    Binary,
    Date,
    Time(TimeUnit),
    Timestamp(TimeUnit),
    Duration(TimeUnit),
}

/// The bytes of one value of a format, and what they are.
pub(super) fn fixed(format: &str) -> Option<(usize, Fixed)> {
    Some(match format {
        "c" => (1, Fixed::Int),
        "s" => (2, Fixed::Int),
        "i" => (4, Fixed::Int),
        "l" => (8, Fixed::Int),
        "C" => (1, Fixed::UInt),
        "S" => (2, Fixed::UInt),
        "I" => (4, Fixed::UInt),
        "L" => (8, Fixed::UInt),
        "f" => (4, Fixed::Float),
        "g" => (8, Fixed::Float),
        "tdD" => (4, Fixed::Date),
        "tts" | "ttm" => (4, Fixed::Time(TimeUnit::of(&format[2..])?)),
        "ttu" | "ttn" => (8, Fixed::Time(TimeUnit::of(&format[2..])?)),
        "tDs" | "tDm" | "tDu" | "tDn" => (8, Fixed::Duration(TimeUnit::of(&format[2..])?)),
        _ => match format.split_once(':')? {
            ("d", digits) => {
                let (_, scale) = digits.split_once(',')?;
                (16, Fixed::Decimal(scale.parse().ok()?))
            }
            ("w", size) => (size.parse().ok()?, Fixed::Binary),
            (stamp, _) => (
                8,
                Fixed::Timestamp(TimeUnit::of(stamp.strip_prefix("ts")?)?),
            ),
        },
    })
}

/// Splits the fields below a root into those of each child.
pub(super) fn children(fields: &[Field]) -> Option<Vec<&[Field]>> {
    fn tree(fields: &[Field]) -> Option<usize> {
        let mut end = 1;
        for _ in 0..fields.first()?.children {
            end += tree(fields.get(end..)?)?;
        }
        Some(end)
    }
    let (root, mut rest) = fields.split_first()?;
    let mut all = Vec::with_capacity(root.children as usize);
    for _ in 0..root.children {
        let (child, left) = rest.split_at_checked(tree(rest)?)?;
        all.push(child);
        rest = left;
    }
    rest.is_empty().then_some(all)
}

fn unsupported(format: &str) -> Error {
    Error::arguments(format!(
        "columns of the format `{format}` are not supported"
    ))
}

impl<'a> DynamicColumn<'a> {
    fn bind(fields: &'a [Field], nodes: &mut Nodes<'a>, length: usize) -> Result<Self, Error> {
        let root = fields
            .first()
            .filter(|root| root.format != ANY)
            .ok_or_else(|| {
                misfit("its type is not known: the function was opened without arguments")
            })?;
        let children = children(fields).ok_or_else(|| misfit("its schema is not a tree"))?;
        let child = |nodes: &mut Nodes<'a>, length| match children.as_slice() {
            [child] => Self::bind(child, nodes, length).map(Box::new),
            _ => Err(misfit("its schema has another number of children")),
        };
        let format = root.format.as_str();
        let (node, values) = match format {
            "b" => {
                let (node, [bitmap, values]) = nodes.take(length)?;
                if values.len() < length.div_ceil(8) {
                    return Err(misfit("the buffer is too short"));
                }
                ((node, bitmap), Values::Bool(values))
            }
            "u" | "z" => {
                let (node, [bitmap, offsets, values]) = nodes.take(length)?;
                let offsets = Offsets::new(offsets, length)?;
                let values = match format {
                    "u" => Values::Text(offsets, values),
                    _ => Values::Binary(offsets, values),
                };
                ((node, bitmap), values)
            }
            "+l" | "+m" => {
                let (node, [bitmap, offsets]) = nodes.take(length)?;
                let offsets = Offsets::new(offsets, length)?;
                let items = child(nodes, offsets.end()?)?;
                let values = match format {
                    "+l" => Values::List(offsets, items),
                    _ => Values::Map(offsets, items),
                };
                ((node, bitmap), values)
            }
            "+s" => {
                let (node, [bitmap]) = nodes.take(length)?;
                let columns = children
                    .iter()
                    .map(|child| Self::bind(child, nodes, length));
                (
                    (node, bitmap),
                    Values::Struct(columns.collect::<Result<_, _>>()?),
                )
            }
            _ => match format.strip_prefix("+w:") {
                Some(size) => {
                    let size: usize = size.parse().map_err(|_| unsupported(format))?;
                    let (node, [bitmap]) = nodes.take(length)?;
                    let count = length
                        .checked_mul(size)
                        .ok_or_else(|| misfit("too many items"))?;
                    (
                        (node, bitmap),
                        Values::FixedList(size, child(nodes, count)?),
                    )
                }
                None => {
                    let (width, of) = fixed(format).ok_or_else(|| unsupported(format))?;
                    let (node, [bitmap, values]) = nodes.take(length)?;
                    let values = length
                        .checked_mul(width)
                        .and_then(|size| values.get(..size))
                        .ok_or_else(|| misfit("the buffer is too short"))?;
                    ((node, bitmap), Values::Fixed(values, width, of))
                }
            },
        };
        let (node, bitmap) = node;
        Ok(Self {
            name: &root.name,
            validity: validity(node, bitmap, length)?,
            values,
        })
    }

    /// A value within another.
    fn item(&self, row: usize) -> Result<Dynamic<'_>, Absent> {
        match self.get(row) {
            Err(Absent::Null) => Ok(Dynamic::Null),
            other => other,
        }
    }

    fn get(&self, row: usize) -> Result<Dynamic<'_>, Absent> {
        const BAD_OFFSETS: Absent = Absent::Unfit("its offsets are wrong");
        if !self.validity.is_valid(row) {
            return Err(Absent::Null);
        }
        Ok(match &self.values {
            Values::Bool(bits) => Dynamic::Bool(bit(bits, row)),
            Values::Fixed(bytes, width, of) => one(&bytes[row * width..][..*width], *of),
            Values::Text(offsets, bytes) => {
                let bytes = bytes.get(offsets.range(row)).ok_or(BAD_OFFSETS)?;
                let text = std::str::from_utf8(bytes);
                Dynamic::Text(Cow::Borrowed(
                    text.map_err(|_| Absent::Unfit("it is not UTF-8"))?,
                ))
            }
            Values::Binary(offsets, bytes) => {
                let bytes = bytes.get(offsets.range(row)).ok_or(BAD_OFFSETS)?;
                Dynamic::Binary(Cow::Borrowed(bytes))
            }
            Values::List(offsets, column) => Dynamic::List(column.items(offsets.range(row))?),
            Values::FixedList(size, column) => {
                Dynamic::List(column.items(row * size..(row + 1) * size)?)
            }
            Values::Struct(columns) => Dynamic::Struct(
                columns
                    .iter()
                    .map(|column| Ok((Cow::Borrowed(column.name), column.item(row)?)))
                    .collect::<Result<_, Absent>>()?,
            ),
            Values::Map(offsets, entries) => Dynamic::Map(
                entries
                    .items(offsets.range(row))?
                    .into_iter()
                    .map(|entry| match entry {
                        Dynamic::Struct(mut fields) if fields.len() == 2 => {
                            let value = fields.pop().map(|(_, value)| value);
                            let key = fields.pop().map(|(_, key)| key);
                            key.zip(value).ok_or(BAD_OFFSETS)
                        }
                        _ => Err(Absent::Unfit("an entry of the map is null")),
                    })
                    .collect::<Result<_, Absent>>()?,
            ),
        })
    }

    fn items(&self, range: std::ops::Range<usize>) -> Result<Vec<Dynamic<'_>>, Absent> {
        range.map(|at| self.item(at)).collect()
    }
}

/// A number of any size, extended by its sign or by zeros.
fn wide<const N: usize>(bytes: &[u8], signed: bool) -> [u8; N] {
    let negative = signed && bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; N];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    wide
}

fn one(bytes: &[u8], of: Fixed) -> Dynamic<'_> {
    let int = || i64::from_le_bytes(wide(bytes, true));
    match of {
        Fixed::Int => Dynamic::Int(int()),
        Fixed::UInt => Dynamic::UInt(u64::from_le_bytes(wide(bytes, false))),
        Fixed::Float if bytes.len() == 4 => {
            Dynamic::Float(f32::from_le_bytes(wide(bytes, false)).into())
        }
        Fixed::Float => Dynamic::Float(f64::from_le_bytes(wide(bytes, false))),
        Fixed::Decimal(scale) => Dynamic::Decimal {
            unscaled: i128::from_le_bytes(wide(bytes, true)),
            scale,
        },
        Fixed::Binary => Dynamic::Binary(Cow::Borrowed(bytes)),
        Fixed::Date => Dynamic::Date(Date(i32::from_le_bytes(wide(bytes, true)))),
        Fixed::Time(unit) => Dynamic::Time(int(), unit),
        Fixed::Timestamp(unit) => Dynamic::Timestamp(int(), unit),
        Fixed::Duration(unit) => Dynamic::Duration(int(), unit),
    }
}

impl Argument for Dynamic<'_> {
    type Value<'a> = Dynamic<'a>;
    type Column<'a> = DynamicColumn<'a>;
    type Block<'a> = ();

    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<DynamicColumn<'a>, Error> {
        DynamicColumn::bind(nodes.schema(), nodes, length)
    }

    fn get<'a>(column: &'a DynamicColumn<'_>, row: usize) -> Result<Dynamic<'a>, Absent> {
        column.get(row)
    }
}
