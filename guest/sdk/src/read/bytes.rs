//! Strings and binary values, borrowed from the column's buffer.

use std::borrow::Cow;
use std::ops::Range;

use super::{Absent, Argument, Nodes, misfit, validity};
use crate::bindings::wudf::plugin::arrow::Field;
use crate::bits::Validity;
use crate::error::Error;
use crate::schema::{Typed, field};

/// Where each value of a column ends, and so where the next begins.
#[derive(Debug)]
pub struct Offsets<'a>(&'a [[u8; 4]]);

impl<'a> Offsets<'a> {
    /// `length` values need one offset more; none at all may have no buffer.
    pub fn new(bytes: &'a [u8], length: usize) -> Result<Self, Error> {
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
    pub fn end(&self) -> Result<usize, Error> {
        self.0.last().map_or(Ok(0), |&end| {
            usize::try_from(i32::from_le_bytes(end)).map_err(|_| misfit("an offset is negative"))
        })
    }

    /// Whether they begin at 0 or behind it and never go back.
    fn ascend(&self) -> bool {
        let number = |offset: &[u8; 4]| i32::from_le_bytes(*offset);
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        // All of them, without a way out: that makes a loop of vectors.
        pairs.fold(true, |so_far, (a, b)| so_far & (number(a) <= number(b)))
            && self.0.first().is_none_or(|first| number(first) >= 0)
    }

    /// The range of one value. A bad one, which the host should not have let
    /// through, becomes a range that no slice has.
    #[inline]
    pub fn range(&self, row: usize) -> Range<usize> {
        i32::from_le_bytes(self.0[row]) as usize..i32::from_le_bytes(self.0[row + 1]) as usize
    }
}

/// A column of binary values.
#[derive(Debug)]
pub struct BytesColumn<'a> {
    offsets: Offsets<'a>,
    values: &'a [u8],
    validity: Validity<'a>,
    /// Whether every range is one of `values`.
    sound: bool,
    /// A constant is row 0, whichever row is asked for.
    mask: usize,
}

impl<'a> BytesColumn<'a> {
    fn bind(nodes: &mut Nodes<'a>, length: usize) -> Result<Self, Error> {
        let (node, [bitmap, offsets, values]) = nodes.take(length)?;
        let offsets = Offsets::new(offsets, length)?;
        let values = values
            .get(..offsets.end()?)
            .ok_or_else(|| misfit("the values are too short"))?;
        Ok(Self {
            sound: offsets.ascend(),
            offsets,
            values,
            validity: validity(node, bitmap, length)?,
            mask: usize::MAX,
        })
    }

    fn bind_constant(nodes: &mut Nodes<'a>) -> Result<Self, Error> {
        Ok(Self {
            mask: 0,
            ..Self::bind(nodes, 1)?
        })
    }

    /// Where the value of a row lies.
    #[inline]
    fn range(&self, row: usize) -> Range<usize> {
        self.offsets.range(row & self.mask)
    }

    fn validity(&self) -> &Validity<'a> {
        &self.validity
    }

    /// The value of a row, if all are sound.
    #[inline]
    fn at(&self, row: usize) -> &'a [u8] {
        self.values.get(self.range(row)).unwrap_or_default()
    }

    #[inline]
    fn get(&self, row: usize) -> Result<&'a [u8], Absent> {
        if !self.validity.is_valid(row) {
            return Err(Absent::Null);
        }
        self.values
            .get(self.range(row))
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
    /// Whether every range is one of `text`.
    sound: bool,
}

impl<'a> StrColumn<'a> {
    fn new(bytes: BytesColumn<'a>) -> Self {
        let values = bytes.values;
        if is_ascii(values) {
            // SAFETY: ASCII is UTF-8.
            let text = unsafe { std::str::from_utf8_unchecked(values) };
            return Self {
                // Any place in it is a character's boundary.
                sound: bytes.sound,
                text: Some(text),
                bytes,
            };
        }
        let text = std::str::from_utf8(values).ok();
        let whole = |text: &str| {
            let mut ends = bytes.offsets.0.iter();
            ends.all(|end| text.is_char_boundary(i32::from_le_bytes(*end) as usize))
        };
        Self {
            sound: bytes.sound && text.is_some_and(whole),
            text,
            bytes,
        }
    }

    fn validity(&self) -> &Validity<'a> {
        &self.bytes.validity
    }

    /// The value of a row, if all are sound.
    #[inline]
    fn at(&self, row: usize) -> &'a str {
        let text = self.text.unwrap_or_default();
        if !self.sound {
            return "";
        }
        // SAFETY: offsets are sound when they ascend, the last one does not lie
        // behind the end of `text`, and all are characters' boundaries.
        unsafe { text.get_unchecked(self.bytes.range(row)) }
    }

    #[inline]
    fn get(&self, row: usize) -> Result<&'a str, Absent> {
        const NOT_UTF8: Absent = Absent::Unfit("it is not UTF-8");
        match self.text {
            Some(text) if self.bytes.validity.is_valid(row) => {
                text.get(self.bytes.range(row)).ok_or(NOT_UTF8)
            }
            Some(_) => Err(Absent::Null),
            None => std::str::from_utf8(self.bytes.get(row)?).map_err(|_| NOT_UTF8),
        }
    }
}

/// As the standard library's, by larger words: that goes by pointer-sized ones,
/// which are half of what WebAssembly has.
fn is_ascii(bytes: &[u8]) -> bool {
    const WORDS: usize = 8;
    let high = |word: &[u8; 8]| u64::from_le_bytes(*word) & 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    let (chunks, words) = words.as_chunks::<WORDS>();
    let any = |words: &[[u8; 8]]| words.iter().fold(0, |bits, word| bits | high(word)) != 0;
    !chunks.iter().any(|chunk| any(chunk)) && !any(words) && rest.is_ascii()
}

macro_rules! argument {
    ([$($lifetime:lifetime)?] $type:ty, $format:literal, $column:ident, $value:ty, $read:expr, $finish:expr) => {
        impl $(<$lifetime>)? Typed for $type {
            fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
                schema.push(field(name, $format, nullable, 0));
            }
        }

        impl $(<$lifetime>)? Argument for $type {
            type Value<'a> = $value;
            type Column<'a> = $column<'a>;
            type Block<'a> = (&'a $column<'a>, usize);

            fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<$column<'a>, Error> {
                BytesColumn::bind(nodes, length).map($finish)
            }
            fn bind_constant<'a>(nodes: &mut Nodes<'a>) -> Result<$column<'a>, Error> {
                BytesColumn::bind_constant(nodes).map($finish)
            }
            #[inline]
            #[allow(clippy::needless_lifetimes, reason = "not all of these types are views")]
            fn get<'a>(column: &'a $column<'_>, row: usize) -> Result<$value, Absent> {
                column.get(row).map($read)
            }
            #[inline]
            fn whole(column: &$column<'_>, row: usize) -> bool {
                column.sound && column.validity().block_valid(row)
            }
            #[inline]
            fn all_whole(column: &$column<'_>) -> bool {
                column.sound && column.validity().all_valid()
            }
            #[inline]
            fn block<'a>(column: &'a $column<'_>, row: usize) -> Self::Block<'a> {
                (column, row)
            }
            #[inline]
            fn at<'a>((column, first): Self::Block<'a>, row: usize) -> Self::Value<'a> {
                ($read)(column.at(first + row))
            }
        }
    };
}

argument!(['x] &'x [u8], "z", BytesColumn, &'a [u8], |value| value, |bytes| bytes);
argument!([] Vec<u8>, "z", BytesColumn, Vec<u8>, <[u8]>::to_vec, |bytes| bytes);
argument!(['x] &'x str, "u", StrColumn, &'a str, |value| value, StrColumn::new);
argument!(['x] Cow<'x, str>, "u", StrColumn, Cow<'a, str>, Cow::Borrowed, StrColumn::new);
argument!(['x] Cow<'x, [u8]>, "z", BytesColumn, Cow<'a, [u8]>, Cow::Borrowed, |bytes| bytes);
argument!([] String, "u", StrColumn, String, str::to_owned, StrColumn::new);
