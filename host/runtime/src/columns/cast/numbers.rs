//! Integers, floats and decimals.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, downcast_integer};
use arrow_schema::DataType;

use super::rule;
use super::{Conversion, Fail, build};

/// A number of any type.
#[derive(Clone, Copy)]
enum Number {
    Int(i128),
    Float(f64),
    /// A float of 32 bits or fewer: its decimal form is shorter.
    Single(f32),
    /// `.0 / 10.pow(.1)`.
    Decimal(i128, i8),
    /// A decimal of more digits than any other type has.
    Huge,
}

type Half = <Float16Type as ArrowPrimitiveType>::Native;

pub(super) fn convert(
    array: &ArrayRef,
    to: &DataType,
    fail: &mut Fail<'_>,
) -> Result<ArrayRef, String> {
    let from = array.data_type();
    if rule::conversion(from, to) == Ok(Conversion::Widening) && !from.is_decimal() {
        // Nothing can go wrong, and arrow's loops are vectorized.
        return arrow_cast::cast(array, to).map_err(|e| e.to_string());
    }
    let number = numbers(array)?;
    macro_rules! integers {
        ($type:ty) => {
            build::primitive::<$type>(
                array,
                to,
                &|i| integer(number(i)).and_then(|n| n.try_into().ok()),
                &|i| why(array, i, to),
                fail,
            )
        };
    }
    downcast_integer! {
        to => (integers),
        DataType::Float16 => build::primitive::<Float16Type>(array, to, &|i| half(number(i)), &|i| why(array, i, to), fail),
        DataType::Float32 => build::primitive::<Float32Type>(array, to, &|i| single(number(i)), &|i| why(array, i, to), fail),
        DataType::Float64 => build::primitive::<Float64Type>(array, to, &|i| double(number(i)), &|i| why(array, i, to), fail),
        DataType::Decimal128(precision, scale) => build::primitive::<Decimal128Type>(
            array,
            to,
            &|i| decimal(number(i), *precision, *scale),
            &|i| why(array, i, to),
            fail,
        ),
        _ => Err(format!("numbers cannot be cast to {to}")),
    }
}

fn why(array: &ArrayRef, i: usize, to: &DataType) -> String {
    let value = build::shown(array, i);
    match to {
        DataType::Float16 | DataType::Float32 | DataType::Float64
            if array.data_type().is_integer() =>
        {
            format!(
                "{value} cannot be represented exactly as {}",
                crate::columns::schema::display(to)
            )
        }
        _ => format!(
            "{value} does not fit {}",
            crate::columns::schema::display(to)
        ),
    }
}

/// The numbers of an array, by index.
fn numbers(array: &ArrayRef) -> Result<Box<dyn Fn(usize) -> Number + '_>, String> {
    macro_rules! integers {
        ($type:ty) => {{
            let array = array.as_primitive::<$type>();
            Box::new(move |i| Number::Int(array.value(i).into()))
        }};
    }
    Ok(downcast_integer! {
        array.data_type() => (integers),
        DataType::Float16 => {
            let array = array.as_primitive::<Float16Type>();
            Box::new(move |i| Number::Single(array.value(i).to_f32()))
        },
        DataType::Float32 => {
            let array = array.as_primitive::<Float32Type>();
            Box::new(move |i| Number::Single(array.value(i)))
        },
        DataType::Float64 => {
            let array = array.as_primitive::<Float64Type>();
            Box::new(move |i| Number::Float(array.value(i)))
        },
        DataType::Decimal32(_, scale) => {
            let (array, scale) = (array.as_primitive::<Decimal32Type>(), *scale);
            Box::new(move |i| Number::Decimal(array.value(i).into(), scale))
        },
        DataType::Decimal64(_, scale) => {
            let (array, scale) = (array.as_primitive::<Decimal64Type>(), *scale);
            Box::new(move |i| Number::Decimal(array.value(i).into(), scale))
        },
        DataType::Decimal128(_, scale) => {
            let (array, scale) = (array.as_primitive::<Decimal128Type>(), *scale);
            Box::new(move |i| Number::Decimal(array.value(i), scale))
        },
        DataType::Decimal256(_, scale) => {
            let (array, scale) = (array.as_primitive::<Decimal256Type>(), *scale);
            Box::new(move |i| array.value(i).to_i128().map_or(Number::Huge, |n| Number::Decimal(n, scale)))
        },
        other => return Err(format!("{other} is not a number")),
    })
}

fn power(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}

/// A whole number, if it is one.
fn integer(number: Number) -> Option<i128> {
    match number {
        Number::Int(n) => Some(n),
        Number::Single(x) => integer(Number::Float(x.into())),
        #[allow(clippy::cast_possible_truncation, reason = "whole and within range")]
        Number::Float(x) => (x.trunc() == x && x.abs() < 1e30).then_some(x as i128),
        Number::Decimal(n, scale) => rescale(n, scale, 0),
        Number::Huge => None,
    }
}

/// The same number with another scale, if no digit is lost.
fn rescale(n: i128, from: i8, to: i8) -> Option<i128> {
    let steps = i32::from(to) - i32::from(from);
    match power(steps.unsigned_abs()) {
        Some(factor) if steps >= 0 => n.checked_mul(factor),
        Some(factor) => (n % factor == 0).then_some(n / factor),
        None => (n == 0).then_some(0),
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "checked, or the nearest is meant"
)]
fn double(number: Number) -> Option<f64> {
    match number {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "compared with the original"
        )]
        Number::Int(n) => Some(n as f64).filter(|x| *x as i128 == n),
        Number::Float(x) => Some(x),
        Number::Single(x) => Some(x.into()),
        Number::Decimal(n, scale) => Some(nearest(n, scale)),
        Number::Huge => None,
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "as of `double`"
)]
fn single(number: Number) -> Option<f32> {
    match number {
        Number::Int(n) => Some(n as f32).filter(|x| *x as i128 == n),
        Number::Single(x) => Some(x),
        other => {
            double(other).and_then(|x| Some(x as f32).filter(|y| y.is_finite() || !x.is_finite()))
        }
    }
}

fn half(number: Number) -> Option<Half> {
    let x = double(number)?;
    let y = Half::from_f64(x);
    let exact = || y.to_f64() == x;
    match number {
        Number::Int(_) => exact().then_some(y),
        _ => (y.is_finite() || !x.is_finite()).then_some(y),
    }
}

/// The float nearest to a decimal.
#[allow(clippy::cast_precision_loss, reason = "below 2^53 there is none")]
fn nearest(n: i128, scale: i8) -> f64 {
    // Both exact as floats, so that the quotient is rounded once.
    if n.unsigned_abs() < 1 << 53 && (0..=22).contains(&scale) {
        return n as f64 / 10f64.powi(scale.into());
    }
    format!("{n}e{}", -i32::from(scale))
        .parse()
        .unwrap_or(f64::NAN)
}

fn decimal(number: Number, precision: u8, scale: i8) -> Option<i128> {
    let n = match number {
        Number::Int(n) => rescale(n, 0, scale),
        Number::Decimal(n, from) => rescale(n, from, scale),
        Number::Float(x) if x.is_finite() => written(&x.to_string(), scale),
        Number::Single(x) if x.is_finite() => written(&x.to_string(), scale),
        _ => None,
    }?;
    (n.unsigned_abs() < power(precision.into())?.unsigned_abs()).then_some(n)
}

/// A decimal of what a float is written as: digits, perhaps with a point.
fn written(text: &str, scale: i8) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    rescale(digits, fraction.len().try_into().ok()?, scale)
}
