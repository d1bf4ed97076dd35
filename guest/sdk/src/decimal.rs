//! Decimals.

use std::fmt::{self, Display};
use std::str::FromStr;

use bytemuck::{Pod, Zeroable};

/// A number of `P` decimal digits, `S` of them after the point. Arrow's
/// `decimal128(P, S)`, SQL's `DECIMAL(P, S)`.
///
/// ```
/// use wudf_guest::Decimal;
///
/// let price: Decimal<10, 2> = "19.90".parse().unwrap();
/// assert_eq!(price.unscaled(), 1990);
/// assert_eq!(price.to_string(), "19.90");
/// // What a column cannot hold is refused, not rounded.
/// assert!("19.905".parse::<Decimal<10, 2>>().is_err());
/// assert_eq!(Decimal::<3, 2>::new(1990), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Decimal<const P: u8, const S: i8>(i128);

// SAFETY: it is an i128 in a transparent struct; all zeros is the number 0.
unsafe impl<const P: u8, const S: i8> Zeroable for Decimal<P, S> {}
// SAFETY: it is an i128 in a transparent struct, which has no padding and no invalid
// bit patterns. That a number has at most `P` digits is no matter of safety.
unsafe impl<const P: u8, const S: i8> Pod for Decimal<P, S> {}

impl<const P: u8, const S: i8> Decimal<P, S> {
    /// 10 to the power of `P`.
    const LIMIT: u128 = {
        assert!(1 <= P && P <= 38, "a decimal has 1 to 38 digits");
        10_u128.pow(P as u32)
    };

    /// The number `unscaled` / 10^`S`, if it has no more than `P` digits.
    pub fn new(unscaled: i128) -> Option<Self> {
        (unscaled.unsigned_abs() < Self::LIMIT).then_some(Self(unscaled))
    }

    /// The number times 10^`S`, which is whole.
    pub fn unscaled(self) -> i128 {
        self.0
    }

    /// The nearest floating-point number, or one beside it.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 10_f64.powi(S.into())
    }
}

impl<const P: u8, const S: i8> Display for Decimal<P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, scale) = (self.0.unsigned_abs(), usize::from(S.unsigned_abs()));
        let text = if S > 0 {
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{whole}.{fraction}")
        } else if digits == 0 {
            "0".to_owned()
        } else {
            format!("{digits}{}", "0".repeat(scale))
        };
        f.pad_integral(self.0 >= 0, "", &text)
    }
}

/// Why a text is not a [`Decimal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseDecimalError(&'static str);

impl Display for ParseDecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for ParseDecimalError {}

impl<const P: u8, const S: i8> FromStr for Decimal<P, S> {
    type Err = ParseDecimalError;

    /// Digits with a sign and a point, `-12.5`, without an exponent. Zeros behind what
    /// the scale holds may be there, other digits may not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const NO_NUMBER: ParseDecimalError = ParseDecimalError("expected a decimal number");
        const TOO_LARGE: ParseDecimalError =
            ParseDecimalError("the number has more digits than the decimal's precision");
        const TOO_FINE: ParseDecimalError = ParseDecimalError(
            "the number has more digits after the point than the decimal's scale",
        );
        let (negative, digits) = match text.as_bytes() {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] | digits => (false, digits),
        };
        let point = digits.iter().position(|&digit| digit == b'.');
        let (whole, fraction) = match point {
            Some(point) => (&digits[..point], &digits[point + 1..]),
            None => (digits, &[][..]),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(NO_NUMBER);
        }
        // The digit of weight 10^-S is the last that is kept.
        let kept = whole.len() as i64 + i64::from(S);
        let mut number = 0_i128;
        for (at, digit) in (0_i64..).zip(whole.iter().chain(fraction)) {
            if !digit.is_ascii_digit() {
                return Err(NO_NUMBER);
            }
            if at < kept {
                let digit = i128::from(digit - b'0');
                let shifted = number.checked_mul(10).and_then(|n| n.checked_add(digit));
                number = shifted.ok_or(TOO_LARGE)?;
            } else if *digit != b'0' {
                return Err(TOO_FINE);
            }
        }
        for _ in (digits.len() - usize::from(point.is_some())) as i64..kept {
            number = number.checked_mul(10).ok_or(TOO_LARGE)?;
        }
        Self::new(if negative { -number } else { number }).ok_or(TOO_LARGE)
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_come_back(unscaled in -99_999_999_i128..=99_999_999) {
            let number = Decimal::<8, 3>::new(unscaled).expect("8 digits");
            prop_assert_eq!(number.to_string().parse(), Ok(number));
            prop_assert_eq!(number.to_string().parse::<f64>().expect("a number"), number.to_f64());
        }
    }

    #[test]
    fn texts_are_exact() {
        let parse = |text: &str| text.parse::<Decimal<5, 2>>().map(Decimal::unscaled).ok();
        for (text, unscaled) in [
            ("1", Some(100)),
            ("1.5", Some(150)),
            ("-0.05", Some(-5)),
            ("+.5", Some(50)),
            ("5.", Some(500)),
            ("0001.2300", Some(123)),
            ("999.99", Some(99_999)),
            ("1000", None),
            ("1.234", None),
            ("", None),
            (".", None),
            ("-", None),
            ("1e3", None),
            ("1,5", None),
            ("--1", None),
            ("99999999999999999999999999999999999999999999", None),
        ] {
            assert_eq!(parse(text), unscaled, "{text:?}");
        }
        let parse = |text: &str| text.parse::<Decimal<3, -2>>().map(Decimal::unscaled).ok();
        assert_eq!(parse("12300"), Some(123));
        assert_eq!(parse("12345"), None);
        assert_eq!(parse("00"), Some(0));
        assert_eq!(
            Decimal::<3, -2>::new(-123).expect("3 digits").to_string(),
            "-12300"
        );
        assert_eq!(Decimal::<3, -2>::default().to_string(), "0");
        assert_eq!(
            Decimal::<3, 3>::new(7).expect("3 digits").to_string(),
            "0.007"
        );
        assert!(Decimal::<38, 0>::new(10_i128.pow(38) - 1).is_some());
        assert!(Decimal::<38, 0>::new(i128::MIN).is_none());
    }
}
