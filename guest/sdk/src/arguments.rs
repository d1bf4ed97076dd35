//! What is known of arguments when a function is opened.

use crate::bindings::exports::wudf::plugin::scalar;
use crate::bindings::wudf::plugin::arrow::Field;
use crate::dynamic::Schema;
use crate::error::Error;
use crate::read::{Absent, Argument, Nodes};

/// The arguments that a function is opened for: their types, and the values of those
/// that are the same in all rows.
///
/// What is expensive to prepare is prepared once:
///
/// ```
/// use wudf_guest::{Arguments, Result, testing, udf};
///
/// struct Words {
///     stop: Option<Vec<String>>,
/// }
///
/// fn parse(list: &str) -> Vec<String> {
///     list.split(',').map(str::to_lowercase).collect()
/// }
///
/// /// How many words of a text are not in a list.
/// #[udf]
/// impl Words {
///     fn open(arguments: &Arguments<'_>) -> Result<Self> {
///         let stop = arguments.constant::<String>("stop")?;
///         Ok(Self { stop: stop.map(|list| parse(&list)) })
///     }
///
///     fn words(&self, text: &str, stop: &str) -> u32 {
///         let count = |list: &[String]| {
///             let words = text.split(' ').filter(|word| !list.iter().any(|stop| stop == word));
///             words.count() as u32
///         };
///         match &self.stop {
///             Some(list) => count(list),
///             // Another list in each row.
///             None => count(&parse(stop)),
///         }
///     }
/// }
///
/// let text = testing::column::<&str>();
/// let words = testing::Function::<Words>::bind("{}", [text, testing::constant("A,the")]).unwrap();
/// assert_eq!(words.call([("a cat and the dog", "")])[0], Ok(3));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    names: &'static [&'static str],
    /// None, or one for each name.
    given: &'a [scalar::Argument],
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(names: &'static [&'static str], given: &'a [scalar::Argument]) -> Self {
        Self { names, given }
    }

    pub(crate) fn unknown(names: &'static [&'static str]) -> Self {
        Self { names, given: &[] }
    }

    pub(crate) fn schemas(&self) -> Vec<Vec<Field>> {
        let schema = |argument: &scalar::Argument| argument.schema.clone();
        self.given.iter().map(schema).collect()
    }

    /// Whether the caller knows them. Where it does not, which is when a plugin is asked
    /// for its signatures, no types and no constants are known.
    pub fn are_known(&self) -> bool {
        !self.given.is_empty() || self.names.is_empty()
    }

    fn get(&self, name: &str) -> Result<Option<&'a scalar::Argument>, Error> {
        match self.names.iter().position(|known| *known == name) {
            Some(at) => Ok(self.given.get(at)),
            None => Err(Error::internal(format!(
                "the function looks for an argument `{name}`, which it does not have"
            ))),
        }
    }

    /// An argument's type: `*` if it is not known.
    ///
    /// # Errors
    /// If there is no argument of this name.
    pub fn schema(&self, name: &str) -> Result<Schema, Error> {
        Ok(match self.get(name)? {
            Some(argument) => Schema(argument.schema.clone()),
            None => Schema::of::<crate::Dynamic<'_>>(),
        })
    }

    /// The value of an argument that is the same in all rows; nothing if it is not, or is
    /// null.
    ///
    /// # Errors
    /// If there is no argument of this name, or it is of another type.
    pub fn constant<T>(&self, name: &str) -> Result<Option<T>, Error>
    where
        T: for<'v> Argument<Value<'v> = T>,
    {
        let Some(argument) = self.get(name)? else {
            return Ok(None);
        };
        let Some(nodes) = &argument.constant else {
            return Ok(None);
        };
        let (wanted, given) = (Schema::of::<T>(), Schema(argument.schema.clone()));
        if wanted != given {
            return Err(Error::arguments(format!(
                "argument `{name}`: expected a constant of the format `{}`, got `{}`",
                wanted.format(),
                given.format()
            )));
        }
        let column = T::bind(&mut Nodes::new(nodes, &argument.schema), 1)?;
        match T::get(&column, 0) {
            Ok(value) => Ok(Some(value)),
            Err(Absent::Null) => Ok(None),
            Err(Absent::Unfit(why)) => Err(Error::new(format_args!("argument `{name}`: {why}"))),
        }
    }
}
