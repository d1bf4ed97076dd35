//! Types of other crates, whose columns are those of our own types.

use crate::bindings::wudf::plugin::arrow::Field;
use crate::error::Error;
use crate::read::{Absent, Argument, Nodes};
use crate::schema::Typed;
use crate::types::Item;
use crate::write::Value;

/// A type that goes by way of a column of another.
pub trait Convert: Sized {
    /// The column's type.
    type Of: for<'a> Argument<Value<'a> = Self::Of> + Value;

    /// The value, or why this is none.
    fn read(of: Self::Of) -> Result<Self, &'static str>;

    /// The other way.
    fn write(self) -> Self::Of;
}

macro_rules! convert {
    ($($type:ty),* $(,)?) => {
        $(
            impl Item for $type {}

            impl Typed for $type {
                fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
                    <$type as Convert>::Of::describe(name, nullable, schema);
                }
            }

            impl Argument for $type {
                type Value<'a> = $type;
                type Column<'a> = <<$type as Convert>::Of as Argument>::Column<'a>;
                type Block<'a> = ();

                fn bind<'a>(
                    nodes: &mut Nodes<'a>,
                    length: usize,
                ) -> Result<Self::Column<'a>, Error> {
                    <$type as Convert>::Of::bind(nodes, length)
                }
                fn get(column: &Self::Column<'_>, row: usize) -> Result<$type, Absent> {
                    Self::read(<$type as Convert>::Of::get(column, row)?).map_err(Absent::Unfit)
                }
            }

            impl Value for $type {
                type Builder = <<$type as Convert>::Of as Value>::Builder;

                fn append(self, to: &mut Self::Builder) {
                    self.write().append(to);
                }
                fn append_all(values: Vec<Self>, to: &mut Self::Builder) {
                    let values = values.into_iter().map(Convert::write).collect();
                    <$type as Convert>::Of::append_all(values, to);
                }
            }
        )*
    };
}

#[cfg(feature = "half")]
mod half {
    use super::{Absent, Argument, Convert, Error, Field, Item, Nodes, Typed, Value};
    use crate::types::Half;

    impl Convert for half::f16 {
        type Of = Half;

        fn read(of: Half) -> Result<Self, &'static str> {
            Ok(Self::from_bits(of.0))
        }
        fn write(self) -> Half {
            Half(self.to_bits())
        }
    }

    convert!(half::f16);
}

#[cfg(feature = "jiff")]
mod jiff {
    use jiff::civil::{Date, DateTime, Time};
    use jiff::tz::Offset;
    use jiff::{SignedDuration, Timestamp};

    use super::{Absent, Argument, Convert, Error, Field, Item, Nodes, Typed, Value};

    const OUT_OF_RANGE: &str = "the date is out of range: expected a year from -9999 to 9999";

    impl Convert for Date {
        type Of = crate::Date;

        fn read(of: crate::Date) -> Result<Self, &'static str> {
            let start = Timestamp::from_second(i64::from(of.0) * 86_400);
            Ok(Offset::UTC
                .to_datetime(start.map_err(|_| OUT_OF_RANGE)?)
                .date())
        }
        fn write(self) -> crate::Date {
            // No date that jiff has is more than 4,400,000 days away.
            crate::Date((seconds(self.into()).div_euclid(86_400)) as i32)
        }
    }

    impl Convert for DateTime {
        type Of = crate::Timestamp;

        fn read(of: crate::Timestamp) -> Result<Self, &'static str> {
            let timestamp = Timestamp::from_microsecond(of.0).map_err(|_| OUT_OF_RANGE)?;
            Ok(Offset::UTC.to_datetime(timestamp))
        }
        fn write(self) -> crate::Timestamp {
            let micros = i64::from(self.subsec_nanosecond()).div_euclid(1_000);
            crate::Timestamp(seconds(self) * 1_000_000 + micros)
        }
    }

    impl Convert for Timestamp {
        type Of = crate::TimestampUtc;

        fn read(of: crate::TimestampUtc) -> Result<Self, &'static str> {
            Self::from_microsecond(of.0).map_err(|_| OUT_OF_RANGE)
        }
        fn write(self) -> crate::TimestampUtc {
            // `as_microsecond` rounds to 0, and this to the past.
            let micros = self.as_nanosecond().div_euclid(1_000);
            crate::TimestampUtc(micros as i64)
        }
    }

    impl Convert for Time {
        type Of = crate::Time;

        fn read(of: crate::Time) -> Result<Self, &'static str> {
            const DAY: i64 = 86_400_000_000;
            if !(0..DAY).contains(&of.0) {
                return Err("the time of day is out of range: expected 0 to 24 hours");
            }
            let nanos = SignedDuration::from_micros(of.0);
            Self::midnight()
                .checked_add(nanos)
                .map_err(|_| "the time of day is out of range: expected 0 to 24 hours")
        }
        fn write(self) -> crate::Time {
            let seconds = (i64::from(self.hour()) * 60 + i64::from(self.minute())) * 60
                + i64::from(self.second());
            crate::Time(seconds * 1_000_000 + i64::from(self.subsec_nanosecond()) / 1_000)
        }
    }

    /// Whole seconds since 1970-01-01T00:00:00, of a time on an unnamed clock.
    fn seconds(at: DateTime) -> i64 {
        const EPOCH: DateTime = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
        at.with()
            .subsec_nanosecond(0)
            .build()
            .map_or(0, |at| at.duration_since(EPOCH).as_secs())
    }

    convert!(Date, DateTime, Timestamp, Time);

    impl From<crate::Duration> for SignedDuration {
        fn from(duration: crate::Duration) -> Self {
            Self::from_micros(duration.0)
        }
    }

    impl TryFrom<SignedDuration> for crate::Duration {
        type Error = std::num::TryFromIntError;

        /// Digits below a microsecond are dropped.
        fn try_from(duration: SignedDuration) -> Result<Self, Self::Error> {
            i64::try_from(duration.as_micros()).map(Self)
        }
    }
}
