//! Dates, times, timestamps and durations.

use arrow_array::timezone::Tz;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, downcast_temporal, make_array};
use arrow_cast::parse::{Parser, string_to_datetime, string_to_time_nanoseconds};
use arrow_schema::{DataType, TimeUnit};

use super::{Fail, build, bytes};
use crate::columns::schema::display;

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

pub(super) fn is(ty: &DataType) -> bool {
    unit(ty).is_some()
}

/// What a value of 1 is, in nanoseconds.
fn unit(ty: &DataType) -> Option<i128> {
    Some(match ty {
        DataType::Date32 => DAY,
        DataType::Date64 => SECOND / 1_000,
        DataType::Timestamp(unit, _)
        | DataType::Time32(unit)
        | DataType::Time64(unit)
        | DataType::Duration(unit) => match unit {
            TimeUnit::Second => SECOND,
            TimeUnit::Millisecond => SECOND / 1_000,
            TimeUnit::Microsecond => SECOND / 1_000_000,
            TimeUnit::Nanosecond => 1,
        },
        _ => return None,
    })
}

/// From one unit to another.
pub(super) fn convert(
    array: &ArrayRef,
    to: &DataType,
    fail: &mut Fail<'_>,
) -> Result<ArrayRef, String> {
    let from = array.data_type();
    let one = unit(from).ok_or_else(|| format!("{from} is not a time"))?;
    if let (DataType::Timestamp(unit, _), DataType::Timestamp(wanted, _)) = (from, to)
        && unit == wanted
    {
        // The same instants; the time zone is how they are shown.
        let data = array.to_data().into_builder().data_type(to.clone()).build();
        return Ok(make_array(data.map_err(|e| e.to_string())?));
    }
    // Dates and times of 32 bits become ones of 64.
    let wide = match from {
        DataType::Date32 | DataType::Time32(_) => {
            let ints = arrow_cast::cast(array, &DataType::Int32).map_err(|e| e.to_string())?;
            arrow_cast::cast(&ints, &DataType::Int64)
        }
        _ => arrow_cast::cast(array, &DataType::Int64),
    };
    let wide = wide.map_err(|e| e.to_string())?;
    let values = arrow_array::cast::AsArray::as_primitive::<Int64Type>(&wide);
    let nanoseconds = |i: usize| Some(i128::from(values.value(i)) * one);
    let why = |i: usize| {
        format!(
            "{} cannot be represented exactly as {}",
            build::shown(array, i),
            display(to)
        )
    };
    target(array, to, &nanoseconds, &why, fail)
}

/// Builds times of nanoseconds; what is no multiple of the unit, or out of range,
/// fails.
fn target(
    array: &ArrayRef,
    to: &DataType,
    nanoseconds: &dyn Fn(usize) -> Option<i128>,
    why: &dyn Fn(usize) -> String,
    fail: &mut Fail<'_>,
) -> Result<ArrayRef, String> {
    let one = unit(to).ok_or_else(|| format!("{to} is not a time"))?;
    let value = |i: usize| {
        let nanoseconds = nanoseconds(i)?;
        (nanoseconds % one == 0).then_some(nanoseconds / one)
    };
    macro_rules! target {
        ($type:ty) => {
            build::primitive::<$type>(
                array,
                to,
                &|i| value(i).and_then(|n| n.try_into().ok()),
                why,
                fail,
            )
        };
    }
    downcast_temporal! {
        to => (target),
        DataType::Duration(TimeUnit::Second) => target!(DurationSecondType),
        DataType::Duration(TimeUnit::Millisecond) => target!(DurationMillisecondType),
        DataType::Duration(TimeUnit::Microsecond) => target!(DurationMicrosecondType),
        DataType::Duration(TimeUnit::Nanosecond) => target!(DurationNanosecondType),
        _ => Err(format!("{to} is not a time")),
    }
}

/// From text that is written as ISO 8601 says.
pub(super) fn parse(
    array: &ArrayRef,
    to: &DataType,
    fail: &mut Fail<'_>,
) -> Result<ArrayRef, String> {
    let value = bytes::values(array)?;
    // Text with a UTC offset is the same instant whatever zone is assumed.
    let zones: [Tz; 2] = [zone("+00:00")?, zone("+01:00")?];
    let read = |i: usize| read(std::str::from_utf8(value(i)).ok()?, to, &zones);
    let why = |i: usize| {
        let form = match to {
            DataType::Date32 => "a date as in 2026-01-31",
            DataType::Timestamp(_, None) => {
                "a timestamp as in 2026-01-31T12:30:00, without a UTC offset"
            }
            DataType::Timestamp(..) => "a timestamp as in 2026-01-31T12:30:00Z, with a UTC offset",
            _ => "a time as in 12:30:00",
        };
        let shown = build::shown(array, i);
        format!("`{shown}` is not {form}, or does not fit {}", display(to))
    };
    target(array, to, &read, &why, fail)
}

fn zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|e| format!("time zone {name}: {e}"))
}

/// Text as nanoseconds.
fn read(text: &str, to: &DataType, zones: &[Tz; 2]) -> Option<i128> {
    // Parsers cut digits beyond nanoseconds, and what follows a date.
    let fraction = text.split_once(['.', ',']).map_or("", |(_, rest)| rest);
    if fraction.chars().take_while(char::is_ascii_digit).count() > 9 {
        return None;
    }
    match to {
        DataType::Date32 => (text.len() <= 10)
            .then(|| Date32Type::parse(text))?
            .map(|days| i128::from(days) * DAY),
        DataType::Timestamp(_, zone) => {
            let [utc, other] = zones.each_ref().map(|zone| {
                string_to_datetime(zone, text).ok().map(|time| {
                    i128::from(time.timestamp()) * SECOND
                        + i128::from(time.timestamp_subsec_nanos())
                })
            });
            let has_offset = utc? == other?;
            (has_offset == zone.is_some()).then_some(utc?)
        }
        _ => string_to_time_nanoseconds(text).ok().map(i128::from),
    }
}
