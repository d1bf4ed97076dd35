//! Functions, called with rows.

use std::fmt::{self, Debug, Display};
use std::marker::PhantomData;

use super::{IntoRow, Rows};
use crate::bindings::exports::wudf::plugin::scalar;
use crate::bindings::wudf::plugin::arrow::{Field, Node};
use crate::dynamic::Schema;
use crate::error::{Error, Result};
use crate::function::{Entry, Opened, Udf, Values};
use crate::read::{Absent, Argument, Nodes};
use crate::schema::Typed;
use crate::write::{Builder, Outcome, Value};

/// The value that a function returns, without its `Result`.
pub type Returned<U> = <<<U as Udf>::Returns as Outcome>::Value as Argument>::Value<'static>;

/// One row of a function's arguments.
type Row<'a, U> = <Values<'a, U> as Rows>::Row;

/// Opens a function without options and computes these rows: a value or a failure
/// for each.
///
/// A row is a tuple of the arguments, or the argument itself if there is only one.
///
/// ```
/// use wudf_guest::{Result, fail, testing, udf};
///
/// /// A percentage of a number.
/// #[udf]
/// fn percent(number: f64, percent: Option<f64>) -> Result<f64> {
///     let Some(percent) = percent else { fail!("how many percent?") };
///     Ok(number * percent / 100.0)
/// }
///
/// let results = testing::call::<percent>([(50.0, Some(10.0)), (50.0, None)]);
/// assert_eq!(*results[0].as_ref().unwrap(), 5.0);
/// assert_eq!(results[1].as_ref().unwrap_err().to_string(), "how many percent?");
/// ```
///
/// # Panics
/// If the function cannot be opened without options.
pub fn call<'a, U: Udf>(
    rows: impl IntoIterator<Item: IntoRow<Row<'a, U>>>,
) -> Vec<Result<Returned<U>>>
where
    Values<'a, U>: Rows,
    <U::Returns as Outcome>::Value: Argument,
{
    match Function::<U>::open("{}") {
        Ok(function) => function.call(rows),
        Err(error) => panic!("{} cannot be opened: {error}", U::NAME),
    }
}

/// As [`call`], for rows that do not fail.
///
/// # Panics
/// If the function cannot be opened without options, or a row fails.
pub fn values<'a, U: Udf>(rows: impl IntoIterator<Item: IntoRow<Row<'a, U>>>) -> Vec<Returned<U>>
where
    Values<'a, U>: Rows,
    <U::Returns as Outcome>::Value: Argument,
{
    let results = call::<U>(rows).into_iter().enumerate();
    results
        .map(|(row, result)| {
            result.unwrap_or_else(|error| panic!("{}, row {row}: {error}", U::NAME))
        })
        .collect()
}

/// A function with its options bound.
///
/// ```
/// use wudf_guest::{UdfOptions, testing, udf};
///
/// #[derive(UdfOptions)]
/// struct Options {
///     words: u32,
/// }
///
/// struct Excerpt {
///     words: usize,
/// }
///
/// /// The first words of a text.
/// #[udf]
/// impl Excerpt {
///     fn open(options: Options) -> Self {
///         Self { words: options.words as usize }
///     }
///
///     fn excerpt(&self, text: &str) -> String {
///         text.split(' ').take(self.words).collect::<Vec<_>>().join(" ")
///     }
/// }
///
/// let excerpt = testing::Function::<Excerpt>::open(r#"{"words": 2}"#).unwrap();
/// assert_eq!(excerpt.call(["to be or not"])[0].as_ref().unwrap(), "to be");
/// assert!(testing::Function::<Excerpt>::open("{}").is_err());
/// ```
pub struct Function<U> {
    opened: Opened,
    bound: Vec<scalar::Argument>,
    udf: PhantomData<U>,
}

/// What a function is told of an argument when it is opened.
#[derive(Debug)]
pub struct Bound(scalar::Argument);

/// An argument that is a column of a type's values.
pub fn column<T: Typed>() -> Bound {
    column_of(Schema::of::<T>())
}

/// An argument that is a column of this type.
pub fn column_of(schema: Schema) -> Bound {
    Bound(scalar::Argument {
        schema: schema.into_result(),
        constant: None,
    })
}

/// An argument that is the same in all rows. What rows have in its place does not count.
pub fn constant<V: Value>(value: V) -> Bound {
    let mut builder = V::Builder::with_capacity(1);
    value.append(&mut builder);
    Bound(scalar::Argument {
        schema: Schema::of::<V>().into_result(),
        constant: Some(super::rows::finish(builder)),
    })
}

impl<U: Udf> Function<U> {
    /// Opens a function with options, a JSON object.
    pub fn open(options: impl Display) -> Result<Self> {
        Self::bind(options, [])
    }

    /// Opens a function with options, a JSON object, for these arguments: one for each,
    /// or none if nothing is known of them.
    pub fn bind(options: impl Display, arguments: impl IntoIterator<Item = Bound>) -> Result<Self> {
        let bound: Vec<_> = arguments
            .into_iter()
            .map(|Bound(argument)| argument)
            .collect();
        Ok(Self {
            opened: Entry::of::<U>().open(&options.to_string(), &bound)?,
            bound,
            udf: PhantomData,
        })
    }

    /// The type that it returns under its options and arguments.
    pub fn returns(&self) -> Schema {
        Schema(self.opened.signature().returns)
    }

    /// Computes these rows: a value or a failure for each.
    ///
    /// The values borrow from columns that are never freed, so that they can be
    /// compared with literals.
    ///
    /// # Panics
    /// If the call fails as a whole.
    pub fn call<'a>(
        &self,
        rows: impl IntoIterator<Item: IntoRow<Row<'a, U>>>,
    ) -> Vec<Result<Returned<U>>>
    where
        Values<'a, U>: Rows,
        <U::Returns as Outcome>::Value: Argument,
    {
        let rows: Vec<_> = rows.into_iter().map(IntoRow::into_row).collect();
        let count = rows.len();
        let schemas: Vec<_> = self
            .bound
            .iter()
            .map(|bound| bound.schema.clone())
            .collect();
        let mut arguments = <Values<'a, U> as Rows>::columns(rows, &schemas);
        for (column, bound) in arguments.iter_mut().zip(&self.bound) {
            if let Some(constant) = &bound.constant {
                column.clone_from(constant);
            }
        }
        let output = self
            .opened
            .call(count, &arguments)
            .unwrap_or_else(|error| panic!("{} cannot be called: {error}", U::NAME));
        let mut nodes = output.values;
        if let Some(size) = self.fixed_size() {
            add_offsets(&mut nodes, size);
        }
        let schema = self.returns().into_result();
        let column = bind::<<U::Returns as Outcome>::Value>(nodes, schema, count)
            .unwrap_or_else(|error| panic!("{} returned a wrong column: {error}", U::NAME));
        let mut failures = output.failures.into_iter().peekable();
        (0..count)
            .map(|row| match failures.next_if(|f| f.row as usize == row) {
                Some(failure) => Err(Error::new(failure.message).with_code(failure.code)),
                None => <U::Returns as Outcome>::Value::get(column, row).map_err(|absent| {
                    Error::new(match absent {
                        Absent::Null => "the result is null",
                        Absent::Unfit(why) => why,
                    })
                }),
            })
            .collect()
    }

    /// The size that the options give to lists, which `Vec<T>` does not say.
    fn fixed_size(&self) -> Option<i32> {
        let returns = self.opened.signature().returns;
        let mut declared = Vec::new();
        <<U::Returns as Outcome>::Value as Typed>::describe("", true, &mut declared);
        let size = returns.first()?.format.strip_prefix("+w:")?.parse().ok()?;
        (declared.first()?.format == "+l").then_some(size)
    }
}

impl<U> Debug for Function<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").finish_non_exhaustive()
    }
}

/// A column that lives as long as the process.
fn bind<A: Argument>(
    nodes: Vec<Node>,
    schema: Vec<Field>,
    rows: usize,
) -> Result<&'static A::Column<'static>> {
    let column = A::bind(&mut Nodes::new(nodes.leak(), schema.leak()), rows)?;
    Ok(Box::leak(Box::new(column)))
}

/// Makes a column of fixed-size lists one of lists.
fn add_offsets(nodes: &mut [Node], size: i32) {
    if let Some(root) = nodes.first_mut() {
        let ends = (0..=root.length as i32).flat_map(|row| (row * size).to_le_bytes());
        root.buffers.push(ends.collect());
    }
}
