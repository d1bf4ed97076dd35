//! What kind of value a text is, and the type of a column of texts: one that keeps every value as it was written, else text.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, TimeUnit};

/// Integers up to here are floats, too, without loss.
const EXACT: u64 = 1 << 53;
/// Decimal digits that every float keeps.
const DIGITS: usize = 15;

/// The kinds of texts that a column holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    text: bool,
    boolean: bool,
    integer: bool,
    /// Integers that a float would round.
    wide: bool,
    float: bool,
    /// NaN and infinities, which are numbers among numbers only.
    special: bool,
    date: bool,
    time: bool,
    /// Times with more than six digits after the point, and times that so fine a type cannot hold.
    nanoseconds: bool,
    far: bool,
    zone: Zone,
}

/// The zones of a column's times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Zone {
    #[default]
    Unknown,
    None,
    At(String),
    Mixed,
}

impl Kinds {
    /// Adds a value.
    pub fn add(&mut self, text: &str) {
        if self.text {
            return;
        }
        if integer(text, self) || float(text, self) || date_or_time(text, self) {
            return;
        }
        if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
            self.boolean = true;
        } else {
            self.text = true;
        }
    }

    /// Adds what another part of the column holds.
    pub fn merge(&mut self, other: &Self) {
        self.text |= other.text;
        self.boolean |= other.boolean;
        self.integer |= other.integer;
        self.wide |= other.wide;
        self.float |= other.float;
        self.special |= other.special;
        self.date |= other.date;
        self.time |= other.time;
        self.nanoseconds |= other.nanoseconds;
        self.far |= other.far;
        self.zone.add(&other.zone);
    }

    /// The type that keeps all values; text where there are none, since anything may follow.
    pub fn data_type(&self) -> DataType {
        let number = self.integer || self.float;
        let families = [self.boolean, number || self.special, self.date, self.time];
        if self.text || families.iter().filter(|&&is| is).count() != 1 {
            return DataType::Utf8;
        }
        if self.boolean {
            DataType::Boolean
        } else if self.date {
            DataType::Date32
        } else if self.time {
            let zone = match &self.zone {
                Zone::Mixed => return DataType::Utf8,
                Zone::At(zone) => Some(Arc::from(zone.as_str())),
                Zone::None | Zone::Unknown => None,
            };
            match (self.nanoseconds, self.far) {
                (true, true) => DataType::Utf8,
                (true, false) => DataType::Timestamp(TimeUnit::Nanosecond, zone),
                (false, _) => DataType::Timestamp(TimeUnit::Microsecond, zone),
            }
        } else if !number {
            DataType::Utf8
        } else if self.float || self.special {
            if self.wide {
                DataType::Utf8
            } else {
                DataType::Float64
            }
        } else {
            DataType::Int64
        }
    }
}

impl Zone {
    fn add(&mut self, other: &Self) {
        if *other == Self::Unknown || self == other {
            return;
        }
        *self = match self {
            Self::Unknown => other.clone(),
            _ => Self::Mixed,
        };
    }
}

/// Integers as they would be printed: `007`, `+7` and `-0` are not.
fn integer(text: &str, kinds: &mut Kinds) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (!digits.starts_with('0') || text == "0");
    let Some(value) = canonical.then(|| text.parse::<i64>().ok()).flatten() else {
        return false;
    };
    kinds.integer = true;
    kinds.wide |= value.unsigned_abs() > EXACT;
    true
}

fn float(text: &str, kinds: &mut Kinds) -> bool {
    if matches!(
        text,
        "NaN" | "nan" | "inf" | "-inf" | "Inf" | "-Inf" | "Infinity" | "-Infinity"
    ) {
        kinds.special = true;
        return true;
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return false;
    }
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_is_right = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && is_digits(digits)
    });
    let fraction = fraction.map_or(Some(""), |fraction| is_digits(fraction).then_some(fraction));
    let (Some(fraction), true, true) = (fraction, is_digits(whole), exponent_is_right) else {
        return false;
    };
    // `-0` is no integer, and `00.5` is an identifier.
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    let is_float = mantissa.contains('.') || exponent.is_some() || text == "-0";
    if leading_zero || !is_float || whole.len() + fraction.len() == 0 {
        return false;
    }
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let Ok(value) = text.parse::<f64>() else {
        return false;
    };
    let exact = value.is_finite()
        && (significant.trim_end_matches('0').len() <= DIGITS
            && (value != 0.0 || significant.is_empty())
            || printed(value, significant.len()) == significant);
    kinds.float |= exact;
    exact
}

/// A float's first digits.
fn printed(value: f64, digits: usize) -> String {
    // No text has so many digits and is a float's.
    let digits = digits.clamp(1, 800);
    let text = format!("{:.*e}", digits - 1, value.abs());
    let mantissa = text.split('e').next().unwrap_or_default();
    mantissa.replace('.', "")
}

/// `2024-01-31`, and with a time behind `T` or a blank: `10:00:00`, a fraction, `Z` or `+02:00`.
fn date_or_time(text: &str, kinds: &mut Kinds) -> bool {
    let Some((year, rest)) = date(text) else {
        return false;
    };
    if rest.is_empty() {
        kinds.date = true;
        return true;
    }
    let Some(time) = rest.strip_prefix(['T', ' ']) else {
        return false;
    };
    let bytes = time.as_bytes();
    let is_time = bytes.len() >= 8
        && bytes[2] == b':'
        && bytes[5] == b':'
        && number(time, 0..2).is_some_and(|hour| hour < 24)
        && number(time, 3..5).is_some_and(|minute| minute < 60)
        && number(time, 6..8).is_some_and(|second| second < 60);
    if !is_time {
        return false;
    }
    let mut rest = &time[8..];
    let mut digits = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=9).contains(&digits) {
            return false;
        }
        rest = &fraction[digits..];
    }
    let zone = match rest {
        "" => Zone::None,
        "Z" => Zone::At("UTC".to_owned()),
        _ => {
            let is_offset = rest.len() == 6
                && rest.starts_with(['+', '-'])
                && rest.as_bytes()[3] == b':'
                && number(rest, 1..3).is_some_and(|hours| hours < 24)
                && number(rest, 4..6).is_some_and(|minutes| minutes < 60);
            if !is_offset {
                return false;
            }
            Zone::At(rest.to_owned())
        }
    };
    kinds.time = true;
    kinds.nanoseconds |= digits > 6;
    kinds.far |= !(1678..2262).contains(&year);
    kinds.zone.add(&zone);
    true
}

fn date(text: &str) -> Option<(u32, &str)> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (
        number(text, 0..4)?,
        number(text, 5..7)?,
        number(text, 8..10)?,
    );
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    (year > 0 && (1..=days).contains(&day)).then(|| (year, &text[10..]))
}

fn number(text: &str, range: std::ops::Range<usize>) -> Option<u32> {
    let digits = text.get(range)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().ok()).flatten()
}

/// A text that is none of its column's type.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    pub row: usize,
    pub value: String,
}

/// Texts as values of a type. An empty text is a null where the type is not text.
pub fn convert(texts: &ArrayRef, ty: &DataType) -> Result<Result<ArrayRef, Misfit>, ArrowError> {
    if texts.data_type() == ty {
        return Ok(Ok(Arc::clone(texts)));
    }
    let strings = texts.as_string::<i32>();
    let values = cast_with_options(texts, ty, &CastOptions::default())?;
    let misfit = (0..strings.len()).find(|&row| {
        if strings.is_null(row) || strings.value(row).is_empty() {
            return false;
        }
        values.is_null(row) || loses(strings.value(row), ty)
    });
    Ok(match misfit {
        Some(row) => Err(Misfit {
            row,
            value: strings.value(row).to_owned(),
        }),
        None => Ok(values),
    })
}

/// Whether a text that can be cast has more to it than the type holds.
fn loses(text: &str, ty: &DataType) -> bool {
    match ty {
        DataType::Timestamp(unit, zone) => {
            let mut kinds = Kinds::default();
            kinds.add(text);
            let zone_is_lost = zone.is_none() && matches!(kinds.zone, Zone::At(_));
            zone_is_lost
                || !(kinds.time || kinds.date)
                || (kinds.nanoseconds && *unit != TimeUnit::Nanosecond)
        }
        DataType::Date32 => {
            let mut kinds = Kinds::default();
            kinds.add(text);
            !kinds.date
        }
        DataType::Float32 | DataType::Float64 => text
            .parse::<f64>()
            .is_ok_and(|value| value.is_infinite() && text.bytes().any(|b| b.is_ascii_digit())),
        _ => false,
    }
}

/// Names of types, as SQL has them.
static NAMES: [(&str, DataType); 20] = [
    ("TEXT", DataType::Utf8),
    ("VARCHAR", DataType::Utf8),
    ("STRING", DataType::Utf8),
    ("BOOLEAN", DataType::Boolean),
    ("BOOL", DataType::Boolean),
    ("TINYINT", DataType::Int8),
    ("SMALLINT", DataType::Int16),
    ("INT", DataType::Int32),
    ("INTEGER", DataType::Int32),
    ("BIGINT", DataType::Int64),
    ("TINYINT UNSIGNED", DataType::UInt8),
    ("SMALLINT UNSIGNED", DataType::UInt16),
    ("INT UNSIGNED", DataType::UInt32),
    ("BIGINT UNSIGNED", DataType::UInt64),
    ("FLOAT", DataType::Float32),
    ("REAL", DataType::Float32),
    ("DOUBLE", DataType::Float64),
    ("DATE", DataType::Date32),
    (
        "TIMESTAMP",
        DataType::Timestamp(TimeUnit::Microsecond, None),
    ),
    (
        "TIMESTAMP_NS",
        DataType::Timestamp(TimeUnit::Nanosecond, None),
    ),
];

/// The type of a name.
pub fn named(name: &str) -> Option<DataType> {
    if name.eq_ignore_ascii_case("TIMESTAMPTZ") {
        return Some(DataType::Timestamp(
            TimeUnit::Microsecond,
            Some("UTC".into()),
        ));
    }
    let found = NAMES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, ty)| ty.clone())
}

/// The name of a type, for people.
pub fn name(ty: &DataType) -> String {
    if let DataType::Timestamp(_, Some(zone)) = ty {
        return format!("TIMESTAMP at {zone}");
    }
    let found = NAMES.iter().find(|(_, known)| known == ty);
    found.map_or_else(|| ty.to_string(), |(name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use arrow_array::StringArray;

    use super::*;

    fn of(texts: &[&str]) -> DataType {
        let mut kinds = Kinds::default();
        texts.iter().for_each(|text| kinds.add(text));
        // However a column is cut, it is the same one.
        let mut merged = Kinds::default();
        for text in texts {
            let mut one = Kinds::default();
            one.add(text);
            merged.merge(&one);
        }
        assert_eq!(kinds.data_type(), merged.data_type(), "{texts:?}");
        kinds.data_type()
    }

    fn time(unit: TimeUnit, zone: Option<&str>) -> DataType {
        DataType::Timestamp(unit, zone.map(Arc::from))
    }

    #[test]
    fn numbers_are_numbers_where_nothing_is_lost() {
        use DataType::{Float64, Int64, Utf8};
        for (texts, wanted) in [
            (&["0", "-5", "9223372036854775807"][..], Int64),
            (&["1", "007"], Utf8),
            (&["+7"], Utf8),
            (&["9223372036854775808"], Utf8),
            (&["1", "2.5"], Float64),
            (&["9007199254740993", "2.5"], Utf8),
            (&["9007199254740992.0"], Float64),
            (&["9007199254740993.0"], Utf8),
            (&["0.1", "0.10000000000000001", "1.10"], Float64),
            (
                &["5.000000000000000278e-02", "1e3", "-0", ".5", "5."],
                Float64,
            ),
            (&["123456789012345678901234567890"], Utf8),
            (&["1e400"], Utf8),
            (&["1e-400"], Utf8),
            (&["00.5"], Utf8),
            (&["1", "NaN"], Float64),
            (&["NaN", "inf"], Utf8),
            (&["."], Utf8),
            (&["1e"], Utf8),
            (&["1_000"], Utf8),
            (&["12-34"], Utf8),
            (&["é"], Utf8),
            (&[], Utf8),
        ] {
            assert_eq!(of(texts), wanted, "{texts:?}");
        }
    }

    #[test]
    fn times_keep_their_zones() {
        use TimeUnit::{Microsecond, Nanosecond};
        let at = "2024-01-02T03:04:05";
        let zoned = |zone: &str| format!("{at}{zone}");
        assert_eq!(of(&[at, "1500-01-02 03:04:05.5"]), time(Microsecond, None));
        assert_eq!(of(&[&zoned("Z")]), time(Microsecond, Some("UTC")));
        assert_eq!(of(&[&zoned("+02:00")]), time(Microsecond, Some("+02:00")));
        assert_eq!(of(&[&zoned("+02:00"), &zoned("+01:00")]), DataType::Utf8);
        assert_eq!(of(&[&zoned("+02:00"), at]), DataType::Utf8);
        assert_eq!(of(&[&zoned(".123456789")]), time(Nanosecond, None));
        let far = "1500-01-01 00:00:00";
        assert_eq!(of(&[&zoned(".123456789"), far]), DataType::Utf8);
        assert_eq!(of(&["2024-02-29"]), DataType::Date32);
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-1-1",
            "2024-01-02T24:00:00",
            "2024-01-02T03:04",
            "2024-01-02x",
        ] {
            assert_eq!(of(&[text]), DataType::Utf8, "{text}");
        }
        assert_eq!(of(&["2024-02-29", at]), DataType::Utf8);
    }

    #[test]
    fn mixed_columns_are_text() {
        assert_eq!(of(&["true", "FALSE"]), DataType::Boolean);
        assert_eq!(of(&["true", "1"]), DataType::Utf8);
        assert_eq!(of(&["1", "x", "2"]), DataType::Utf8);
    }

    #[test]
    fn what_does_not_fit_a_type_is_said() {
        let fit = |text: &str, ty: &str| {
            let texts: ArrayRef = Arc::new(StringArray::from(vec![None, Some(""), Some(text)]));
            convert(&texts, &named(ty).unwrap()).unwrap()
        };
        for (text, ty) in [
            ("1.5", "BIGINT"),
            ("300", "TINYINT"),
            ("x", "DOUBLE"),
            ("1e400", "DOUBLE"),
            ("2024-01-02T03:04:05+02:00", "TIMESTAMP"),
            ("2024-01-02T03:04:05.123456789", "TIMESTAMP"),
            ("2024-01-02T03:04:05", "DATE"),
        ] {
            let misfit = fit(text, ty).unwrap_err();
            assert_eq!((misfit.row, misfit.value.as_str()), (2, text), "{ty}");
        }
        for (text, ty) in [
            ("007", "BIGINT"),
            ("2024-01-02T03:04:05+02:00", "timestamptz"),
            ("2024-01-02", "TIMESTAMP"),
            ("2024-01-02", "DATE"),
        ] {
            let values = fit(text, ty).unwrap();
            assert_eq!((values.null_count(), values.is_valid(2)), (2, true), "{ty}");
        }
    }
}
