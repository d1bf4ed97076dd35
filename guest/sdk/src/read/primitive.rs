//! Numbers, dates, times and booleans.

use std::borrow::Cow;

use super::{Absent, Argument, BLOCK, Nodes, misfit, validity};
use crate::bindings::wudf::plugin::arrow::Field;
use crate::bits::{Validity, bit};
use crate::error::Error;
use crate::schema::{Typed, field};
use crate::types::{Primitive, for_primitives};

/// A column of plain values.
#[derive(Debug)]
pub struct PrimitiveColumn<'a, T: Primitive> {
    pub(super) values: Cow<'a, [T]>,
    pub(super) validity: Validity<'a>,
}

impl<'a, T: Primitive> PrimitiveColumn<'a, T> {
    pub(super) fn bind(nodes: &mut Nodes<'a>, length: usize) -> Result<Self, Error> {
        let (node, [bitmap, bytes]) = nodes.take(length)?;
        let bytes = length
            .checked_mul(size_of::<T>())
            .and_then(|size| bytes.get(..size))
            .ok_or_else(|| misfit("the buffer is too short"))?;
        Ok(Self {
            values: cast(bytes),
            validity: validity(node, bitmap, length)?,
        })
    }

    /// One value, as often as a block has it.
    pub(super) fn bind_constant(nodes: &mut Nodes<'a>) -> Result<Self, Error> {
        let mut column = Self::bind(nodes, 1)?;
        if let [value] = *column.values {
            column.values = Cow::Owned(vec![value; BLOCK]);
        }
        Ok(column)
    }
}

/// Bytes as values: in place where they are aligned for the type, which the
/// contract does not promise, else in a copy.
fn cast<T: Primitive>(bytes: &[u8]) -> Cow<'_, [T]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(values) => Cow::Borrowed(values),
        Err(_) => Cow::Owned(bytemuck::allocation::pod_collect_to_vec(bytes)),
    }
}

macro_rules! arguments {
    ($([$($generics:tt)*] $type:ty, $size:literal;)*) => {
        $(
            impl<$($generics)*> Typed for $type {
                fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
                    schema.push(field(name, <$type as Primitive>::format(), nullable, 0));
                }
            }

            impl<$($generics)*> Argument for $type {
                type Value<'a> = $type;
                type Column<'a> = PrimitiveColumn<'a, $type>;
                type Block<'a> = &'a [$type; BLOCK];

                fn bind<'a>(
                    nodes: &mut Nodes<'a>,
                    length: usize,
                ) -> Result<Self::Column<'a>, Error> {
                    PrimitiveColumn::bind(nodes, length)
                }
                fn bind_constant<'a>(
                    nodes: &mut Nodes<'a>,
                ) -> Result<Self::Column<'a>, Error> {
                    PrimitiveColumn::bind_constant(nodes)
                }
                #[inline]
                fn get(column: &Self::Column<'_>, row: usize) -> Result<$type, Absent> {
                    if column.validity.is_valid(row) {
                        Ok(column.values[row])
                    } else {
                        Err(Absent::Null)
                    }
                }
                #[inline]
                fn whole(column: &Self::Column<'_>, row: usize) -> bool {
                    column.validity.block_valid(row)
                }
                #[inline]
                fn all_whole(column: &Self::Column<'_>) -> bool {
                    column.validity.all_valid()
                }
                #[inline]
                fn block<'a>(column: &'a Self::Column<'_>, row: usize) -> Self::Block<'a> {
                    match column.values[row..].first_chunk() {
                        Some(block) => block,
                        None => unreachable!("the caller asks for whole blocks"),
                    }
                }
                #[inline]
                fn at<'a>(block: Self::Block<'a>, row: usize) -> Self::Value<'a> {
                    block[row]
                }
            }
        )*
    };
}

for_primitives!(arguments);

/// A column of booleans, one bit each.
#[derive(Debug)]
pub struct BoolColumn<'a> {
    values: &'a [u8],
    validity: Validity<'a>,
}

impl Typed for bool {
    fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
        schema.push(field(name, "b", nullable, 0));
    }
}

impl Argument for bool {
    type Value<'a> = bool;
    type Column<'a> = BoolColumn<'a>;
    type Block<'a> = u64;

    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<BoolColumn<'a>, Error> {
        let (node, [bitmap, values]) = nodes.take(length)?;
        if values.len() < length.div_ceil(8) {
            return Err(misfit("the buffer is too short"));
        }
        Ok(BoolColumn {
            values,
            validity: validity(node, bitmap, length)?,
        })
    }
    fn bind_constant<'a>(nodes: &mut Nodes<'a>) -> Result<BoolColumn<'a>, Error> {
        const BLOCKS: [[u8; BLOCK / 8]; 2] = [[0; BLOCK / 8], [0xff; BLOCK / 8]];
        let column = Self::bind(nodes, 1)?;
        Ok(BoolColumn {
            values: &BLOCKS[usize::from(bit(column.values, 0))],
            ..column
        })
    }
    #[inline]
    fn get(column: &BoolColumn<'_>, row: usize) -> Result<bool, Absent> {
        if column.validity.is_valid(row) {
            Ok(bit(column.values, row))
        } else {
            Err(Absent::Null)
        }
    }
    #[inline]
    fn whole(column: &BoolColumn<'_>, row: usize) -> bool {
        column.validity.block_valid(row)
    }
    #[inline]
    fn all_whole(column: &BoolColumn<'_>) -> bool {
        column.validity.all_valid()
    }
    #[inline]
    fn block(column: &BoolColumn<'_>, row: usize) -> u64 {
        // Blocks are whole bytes, for they start at multiples of their length.
        match column.values[row / 8..].first_chunk() {
            Some(block) => u64::from_le_bytes(*block),
            None => unreachable!("the caller asks for whole blocks"),
        }
    }
    #[inline]
    fn at<'a>(block: Self::Block<'a>, row: usize) -> Self::Value<'a> {
        block >> row & 1 == 1
    }
}
