//! Values that Rust has no type of its own for, and the plain numbers that
//! columns hold.

use std::borrow::Cow;

use bytemuck::{Pod, Zeroable};

use crate::Decimal;

/// A day, counted from 1970-01-01. Arrow's `date32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Date(pub i32);

/// A time on an unnamed clock, in microseconds from 1970-01-01T00:00:00.
/// Arrow's `timestamp[us]` without a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Timestamp(pub i64);

/// A moment, in microseconds from 1970-01-01T00:00:00Z. Arrow's
/// `timestamp[us, UTC]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct TimestampUtc(pub i64);

/// A time of day, in microseconds from midnight. Arrow's `time64[us]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Time(pub i64);

/// A span of time, in microseconds. Arrow's `duration[us]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Duration(pub i64);

/// The bits of a `half::f16`, which tensors are made of. Arrow's `float16`.
#[cfg(feature = "half")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(transparent)]
pub struct Half(pub u16);

#[cfg(feature = "half")]
impl From<half::f16> for Half {
    fn from(number: half::f16) -> Self {
        Self(number.to_bits())
    }
}

#[cfg(feature = "half")]
impl From<Half> for half::f16 {
    fn from(bits: Half) -> Self {
        Self::from_bits(bits.0)
    }
}

// By hand, because the derive would compile a second `syn` for each new plugin.
macro_rules! plain {
    ($($(#[$attribute:meta])* $type:ident),* $(,)?) => {
        $(
            $(#[$attribute])*
            // SAFETY: it is a number in a transparent struct, and 0 is one.
            unsafe impl Zeroable for $type {}
            $(#[$attribute])*
            // SAFETY: it is a number in a transparent struct, which has no padding and no
            // invalid bit patterns.
            unsafe impl Pod for $type {}
        )*
    };
}

plain!(
    Date,
    Timestamp,
    TimestampUtc,
    Time,
    Duration,
    #[cfg(feature = "half")]
    Half
);

/// A type whose column is a plain buffer of its little-endian values.
pub trait Primitive: Pod {
    /// Its format string in the Arrow C Data Interface.
    fn format() -> Cow<'static, str>;
}

macro_rules! formats {
    ($($type:ty => $format:literal),* $(,)?) => {
        $(impl Primitive for $type {
            fn format() -> Cow<'static, str> {
                Cow::Borrowed($format)
            }
        })*
    };
}

formats! {
    i8 => "c", u8 => "C", i16 => "s", u16 => "S", i32 => "i", u32 => "I", i64 => "l", u64 => "L",
    f32 => "f", f64 => "g", Date => "tdD", Timestamp => "tsu:", TimestampUtc => "tsu:UTC",
    Time => "ttu", Duration => "tDu",
}

#[cfg(feature = "half")]
formats!(Half => "e");

impl<const P: u8, const S: i8> Primitive for Decimal<P, S> {
    fn format() -> Cow<'static, str> {
        Cow::Owned(format!("d:{P},{S}"))
    }
}

/// Calls a macro with every primitive type: its generics, the type, and its size.
macro_rules! for_primitives {
    ($macro:ident) => {
        $macro! {
            [] i8, 1; [] u8, 1; [] i16, 2; [] u16, 2; [] i32, 4; [] u32, 4; [] i64, 8; [] u64, 8;
            [] f32, 4; [] f64, 8; [] $crate::Date, 4; [] $crate::Timestamp, 8;
            [] $crate::TimestampUtc, 8; [] $crate::Time, 8; [] $crate::Duration, 8;
            [const P: u8, const S: i8] $crate::Decimal<P, S>, 16;
        }
        #[cfg(feature = "half")]
        $macro!([] $crate::types::Half, 2;);
    };
}
pub(crate) use for_primitives;

/// A type that the items of a list may have: any but `u8`, because `Vec<u8>`
/// and `&[u8]` are binary values. A list of bytes is `Vec<Option<u8>>`.
#[diagnostic::on_unimplemented(
    message = "a list of `{Self}` is not a type that a column can have",
    label = "not the type of a list's items",
    note = "`Vec<u8>`, `&[u8]` and `[u8; N]` are binary values; a list of bytes is `Vec<Option<u8>>`"
)]
pub trait Item {}

macro_rules! items {
    ($([$($generics:tt)*] $type:ty),* $(,)?) => {
        $(impl<$($generics)*> Item for $type {})*
    };
}

items! {
    [] bool, [] i8, [] i16, [] u16, [] i32, [] u32, [] i64, [] u64, [] f32, [] f64,
    [] Date, [] Timestamp, [] TimestampUtc, [] Time, [] Duration,
    [const P: u8, const S: i8] Decimal<P, S>,
    [] char, [] String, [] &str, [] Cow<'_, str>, [] &[u8], [] Cow<'_, [u8]>,
    [T] Option<T>, [T] Vec<T>, [T, const N: usize] [T; N], [const N: usize] &[u8; N],
    [K, V] std::collections::BTreeMap<K, V>, [] serde_json::Value,
}
