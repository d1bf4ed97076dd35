//! Strings and binary values, borrowed from the column's buffer.

use super::{Absent, Argument, Nodes, misfit, validity};
use crate::bindings::wudf::plugin::arrow::Field;
use crate::bits::Validity;
use crate::error::Error;
use crate::schema::{Typed, field};

/// Where each value of a column ends, and so where the next begins.
#[derive(Debug)]
pub(super) struct Offsets<'a>(&'a [[u8; 4]]);

impl<'a> Offsets<'a> {
    /// `length` values need one offset more; none at all may have no buffer.
    pub(super) fn new(bytes: &'a [u8], length: usize) -> Result<Self, Error> {
        let (offsets, _) = bytes.as_chunks();
        if length == 0 {
            return Ok(Self(&[]));
        }
        offsets
            .get(..length + 1)
            .map(Self)
            .ok_or_else(|| misfit("the offsets are too short"))
    }

    /// Where the last value ends.
    pub(super) fn end(&self) -> Result<usize, Error> {
        self.0.last().map_or(Ok(0), |&end| {
            usize::try_from(i32::from_le_bytes(end)).map_err(|_| misfit("an offset is negative"))
        })
    }

    /// The range of one value. A bad one, which the host should not have let
    /// through, becomes a range that no slice has.
    #[inline]
    pub(super) fn range(&self, row: usize) -> std::ops::Range<usize> {
        i32::from_le_bytes(self.0[row]) as usize..i32::from_le_bytes(self.0[row + 1]) as usize
    }
}

/// A column of binary values.
#[derive(Debug)]
pub struct BytesColumn<'a> {
    offsets: Offsets<'a>,
    values: &'a [u8],
    validity: Validity<'a>,
}

impl<'a> BytesColumn<'a> {
    fn bind(nodes: &mut Nodes<'a>, length: usize) -> Result<Self, Error> {
        let (node, [bitmap, offsets, values]) = nodes.take(length)?;
        let offsets = Offsets::new(offsets, length)?;
        let values = values
            .get(..offsets.end()?)
            .ok_or_else(|| misfit("the values are too short"))?;
        Ok(Self {
            offsets,
            values,
            validity: validity(node, bitmap, length)?,
        })
    }

    #[inline]
    fn get(&self, row: usize) -> Result<&'a [u8], Absent> {
        if !self.validity.is_valid(row) {
            return Err(Absent::Null);
        }
        self.values
            .get(self.offsets.range(row))
            .ok_or(Absent::Unfit("its offsets are wrong"))
    }
}

/// A column of strings.
#[derive(Debug)]
pub struct StrColumn<'a> {
    bytes: BytesColumn<'a>,
    /// All values in one, when that is UTF-8: checking once is cheaper, and
    /// cutting at a character's boundary keeps it so.
    text: Option<&'a str>,
}

impl<'a> StrColumn<'a> {
    #[inline]
    fn get(&self, row: usize) -> Result<&'a str, Absent> {
        const NOT_UTF8: Absent = Absent::Unfit("it is not UTF-8");
        match self.text {
            Some(text) if self.bytes.validity.is_valid(row) => {
                text.get(self.bytes.offsets.range(row)).ok_or(NOT_UTF8)
            }
            Some(_) => Err(Absent::Null),
            None => std::str::from_utf8(self.bytes.get(row)?).map_err(|_| NOT_UTF8),
        }
    }
}

macro_rules! argument {
    ([$($lifetime:lifetime)?] $type:ty, $format:literal, $column:ident, $value:ty, $read:expr, |$bound:ident| $finish:expr) => {
        impl $(<$lifetime>)? Typed for $type {
            fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
                schema.push(field(name, $format, nullable, 0));
            }
        }

        impl $(<$lifetime>)? Argument for $type {
            type Value<'a> = $value;
            type Column<'a> = $column<'a>;
            type Block<'a> = ();

            fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<$column<'a>, Error> {
                let $bound = BytesColumn::bind(nodes, length)?;
                Ok($finish)
            }
            #[inline]
            #[allow(clippy::needless_lifetimes, reason = "not all of these types are views")]
            fn get<'a>(column: &'a $column<'_>, row: usize) -> Result<$value, Absent> {
                column.get(row).map($read)
            }
        }
    };
}

argument!(['x] &'x [u8], "z", BytesColumn, &'a [u8], |value| value, |bytes| bytes);
argument!([] Vec<u8>, "z", BytesColumn, Vec<u8>, <[u8]>::to_vec, |bytes| bytes);
argument!(['x] &'x str, "u", StrColumn, &'a str, |value| value, |bytes| {
    StrColumn { text: std::str::from_utf8(bytes.values).ok(), bytes }
});
argument!([] String, "u", StrColumn, String, str::to_owned, |bytes| {
    StrColumn { text: std::str::from_utf8(bytes.values).ok(), bytes }
});
