//! Binary values of a fixed size.

use super::{Absent, Argument, Nodes, misfit, validity};
use crate::bindings::wudf::plugin::arrow::Field;
use crate::bits::Validity;
use crate::error::Error;
use crate::schema::{Typed, field};

/// A column of binary values of `N` bytes.
#[derive(Debug)]
pub struct FixedBytesColumn<'a, const N: usize> {
    values: &'a [[u8; N]],
    validity: Validity<'a>,
}

impl<'a, const N: usize> FixedBytesColumn<'a, N> {
    fn bind(nodes: &mut Nodes<'a>, length: usize) -> Result<Self, Error> {
        const { assert!(N > 0, "a fixed-size binary value has one byte or more") };
        let (node, [bitmap, bytes]) = nodes.take(length)?;
        let (values, _) = bytes.as_chunks();
        Ok(Self {
            values: values
                .get(..length)
                .ok_or_else(|| misfit("the buffer is too short"))?,
            validity: validity(node, bitmap, length)?,
        })
    }

    #[inline]
    fn get(&self, row: usize) -> Result<&'a [u8; N], Absent> {
        if self.validity.is_valid(row) {
            Ok(&self.values[row])
        } else {
            Err(Absent::Null)
        }
    }
}

impl<const N: usize> Typed for [u8; N] {
    fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
        schema.push(field(name, format!("w:{N}"), nullable, 0));
    }
}

impl<const N: usize> Argument for [u8; N] {
    type Value<'a> = [u8; N];
    type Column<'a> = FixedBytesColumn<'a, N>;
    type Block<'a> = ();

    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Column<'a>, Error> {
        FixedBytesColumn::bind(nodes, length)
    }
    #[inline]
    fn get(column: &Self::Column<'_>, row: usize) -> Result<[u8; N], Absent> {
        column.get(row).copied()
    }
}

impl<const N: usize> Typed for &[u8; N] {
    fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
        <[u8; N]>::describe(name, nullable, schema);
    }
}

impl<const N: usize> Argument for &[u8; N] {
    type Value<'a> = &'a [u8; N];
    type Column<'a> = FixedBytesColumn<'a, N>;
    type Block<'a> = ();

    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Column<'a>, Error> {
        FixedBytesColumn::bind(nodes, length)
    }
    #[inline]
    fn get<'a>(column: &'a Self::Column<'_>, row: usize) -> Result<&'a [u8; N], Absent> {
        column.get(row)
    }
}
