//! Values of whatever type a caller's column has.

mod read;
mod write;

use std::borrow::Cow;

use crate::Date;
use crate::bindings::wudf::plugin::arrow::Field;
use crate::error::Error;
use crate::schema::{ITEM, Typed, field};

/// A value of a type that is decided when the function is opened.
///
/// As an argument it takes a column of any type. As a result its type is what the
/// function `returns` of the `#[udf]` block says:
///
/// ```
/// use wudf_guest::{Arguments, Dynamic, Result, Schema, testing, udf};
///
/// #[derive(Default)]
/// struct FirstOf;
///
/// /// The first item of a list, whatever its items are.
/// #[udf]
/// impl FirstOf {
///     fn returns(arguments: &Arguments<'_>) -> Result<Schema> {
///         arguments.schema("list")?.item()
///     }
///
///     fn first<'a>(&self, list: Dynamic<'a>) -> Option<Dynamic<'a>> {
///         match list {
///             Dynamic::List(items) => items.into_iter().next(),
///             _ => None,
///         }
///     }
/// }
///
/// let first = testing::Function::<FirstOf>::bind("{}", [testing::column::<Vec<i32>>()]).unwrap();
/// let list = Dynamic::List(vec![Dynamic::Int(7), Dynamic::Int(8)]);
/// assert_eq!(first.call([list])[0].as_ref().unwrap(), &Some(Dynamic::Int(7)));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Dynamic<'a> {
    /// A null within another value. Arguments and results that are null are an
    /// `Option`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed integer of any size.
    Int(i64),
    /// An unsigned integer of any size.
    UInt(u64),
    /// A floating-point number of 32 or 64 bits.
    Float(f64),
    /// A decimal: `unscaled` / 10^`scale`.
    Decimal {
        /// The number without its point.
        unscaled: i128,
        /// Digits after the point.
        scale: i8,
    },
    /// A string.
    Text(Cow<'a, str>),
    /// A binary value, of a fixed size or not.
    Binary(Cow<'a, [u8]>),
    /// A day.
    Date(Date),
    /// A time of day, in units of its column from midnight.
    Time(i64, TimeUnit),
    /// A time on a clock, in units of its column from 1970-01-01T00:00:00.
    Timestamp(i64, TimeUnit),
    /// A span of time, in units of its column.
    Duration(i64, TimeUnit),
    /// A list, of a fixed size or not.
    List(Vec<Dynamic<'a>>),
    /// A struct: its fields in order, with their names.
    Struct(Vec<(Cow<'a, str>, Dynamic<'a>)>),
    /// A map: its entries in order.
    Map(Vec<(Dynamic<'a>, Dynamic<'a>)>),
}

/// What a column counts time in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say what they are")]
pub enum TimeUnit {
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl TimeUnit {
    fn of(letter: &str) -> Option<Self> {
        Some(match letter {
            "s" => Self::Second,
            "m" => Self::Millisecond,
            "u" => Self::Microsecond,
            "n" => Self::Nanosecond,
            _ => return None,
        })
    }
}

/// A column's type: its field and those below it.
///
/// ```
/// use wudf_guest::Schema;
///
/// assert_eq!(Schema::of::<Vec<f32>>().format(), "+l");
/// assert_eq!(Schema::list(Schema::of::<i64>()).item().unwrap(), Schema::of::<i64>());
/// ```
#[derive(Clone, Debug)]
pub struct Schema(pub(crate) Vec<Field>);

impl Schema {
    /// The type of the column that a Rust type has.
    pub fn of<T: Typed>() -> Self {
        let mut fields = Vec::new();
        T::describe("", true, &mut fields);
        Self(fields)
    }

    /// A list of such values, which may be null.
    pub fn list(item: Self) -> Self {
        let mut fields = vec![field("", "+l", true, 1)];
        fields.extend(item.named(ITEM).0);
        Self(fields)
    }

    /// A struct of these fields, which may be null.
    pub fn structure<N: AsRef<str>>(children: impl IntoIterator<Item = (N, Self)>) -> Self {
        let mut fields = vec![field("", "+s", true, 0)];
        for (name, child) in children {
            fields[0].children += 1;
            fields.extend(child.named(name.as_ref()).0);
        }
        Self(fields)
    }

    /// The type's format string in the Arrow C Data Interface.
    pub fn format(&self) -> &str {
        self.0.first().map_or("*", |root| &root.format)
    }

    /// The type of a list's items.
    ///
    /// # Errors
    /// With the code `arguments` if it is no list.
    pub fn item(&self) -> Result<Self, Error> {
        match self.format() {
            // Not known yet, as little as the list.
            ANY => Ok(self.clone()),
            "+l" => Ok(Self(self.0[1..].to_vec()).named("")),
            format if format.starts_with("+w:") => Ok(Self(self.0[1..].to_vec()).named("")),
            other => Err(Error::arguments(format!(
                "expected a list, got a column of the format `{other}`"
            ))),
        }
    }

    /// The fields.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.0
    }

    /// The fields of a result: nullable and without a name.
    pub(crate) fn into_result(self) -> Vec<Field> {
        self.named("").0
    }

    fn named(mut self, name: &str) -> Self {
        if let Some(root) = self.0.first_mut() {
            root.name = name.to_owned();
            root.nullable = true;
        }
        self
    }
}

/// As types: names of roots and what may be null do not count.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        let same = |(at, (a, b)): (usize, (&Field, &Field))| {
            a.format == b.format && a.children == b.children && (at == 0 || a.name == b.name)
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).enumerate().all(same)
    }
}

/// The type of a column of any type, which is not decided yet.
pub(crate) const ANY: &str = "*";

impl Typed for Dynamic<'_> {
    fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
        schema.push(field(name, ANY, nullable, 0));
    }
}
