//! Values that Rust has no type of its own for, and the plain numbers that
//! columns hold.

use bytemuck::{Pod, Zeroable};

/// A day, counted from 1970-01-01. Arrow's `date32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct Date(pub i32);

/// A time on an unnamed clock, in microseconds from 1970-01-01T00:00:00.
/// Arrow's `timestamp[us]` without a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct Timestamp(pub i64);

/// A moment, in microseconds from 1970-01-01T00:00:00Z. Arrow's
/// `timestamp[us, UTC]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct TimestampUtc(pub i64);

/// A type whose column is a plain buffer of its little-endian values.
pub trait Primitive: Pod {
    /// Its format string in the Arrow C Data Interface.
    const FORMAT: &'static str;
}

macro_rules! primitives {
    ($($type:ty => $format:literal),* $(,)?) => {
        $(impl Primitive for $type {
            const FORMAT: &'static str = $format;
        })*
    };
}

primitives! {
    i8 => "c", u8 => "C", i16 => "s", u16 => "S", i32 => "i", u32 => "I", i64 => "l", u64 => "L",
    f32 => "f", f64 => "g", Date => "tdD", Timestamp => "tsu:", TimestampUtc => "tsu:UTC",
}

/// Calls a macro with every primitive type.
macro_rules! for_primitives {
    ($macro:ident) => {
        $macro! {
            i8, u8, i16, u16, i32, u32, i64, u64, f32, f64,
            $crate::Date, $crate::Timestamp, $crate::TimestampUtc
        }
    };
}
pub(crate) use for_primitives;

/// A type that the items of a list may have: any but `u8`, because `Vec<u8>`
/// and `&[u8]` are binary values. A list of bytes is `Vec<Option<u8>>`.
#[diagnostic::on_unimplemented(
    message = "a list of `{Self}` cannot be a column",
    label = "no list of this"
)]
pub trait Item {}

macro_rules! items {
    ($($type:ty),* $(,)?) => { $(impl Item for $type {})* };
}

items! {
    bool, i8, i16, u16, i32, u32, i64, u64, f32, f64, Date, Timestamp, TimestampUtc, String, &str,
    &[u8],
}
impl<T> Item for Option<T> {}
impl<T> Item for Vec<T> {}
impl<T, const N: usize> Item for [T; N] {}
