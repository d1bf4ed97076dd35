//! Arguments before a call: their types, and the values of constants.

use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field};

use crate::columns::cast;
use crate::columns::lower;
use crate::columns::schema::{self, ANY};
use crate::contract::RawArgument;
use crate::{Error, ErrorKind, Result, Signature};

/// What a caller knows of an argument before it calls: the type of its column, and the
/// value if it is the same in all rows.
#[derive(Clone, Debug)]
pub struct Argument {
    field: Field,
    constant: Option<ArrayRef>,
}

impl Argument {
    /// A column of this field's type.
    pub fn column(field: Field) -> Self {
        Self {
            field,
            constant: None,
        }
    }

    /// A value that is the same in all rows: an array of one.
    pub fn constant(name: &str, value: ArrayRef) -> Self {
        let field = Field::new(name, value.data_type().clone(), true);
        Self {
            field,
            constant: Some(value),
        }
    }

    /// Its type; the name is the caller's.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// Its value, an array of one, if it is the same in all rows.
    pub fn value(&self) -> Option<&ArrayRef> {
        self.constant.as_ref()
    }
}

/// The arguments as a plugin is told of them: under the declared types, or, where any
/// type will do, under their own.
///
/// # Errors
/// [`ErrorKind::InvalidArguments`] when they are not as many as declared, or do not fit.
pub(crate) fn raw(signature: &Signature, given: &[Argument]) -> Result<Vec<RawArgument>> {
    if !signature.takes(given.len()) {
        return Err(invalid(format!(
            "takes {} arguments, not {}: {signature}",
            signature.arguments.len(),
            given.len()
        )));
    }
    let declared = (0..given.len()).filter_map(|i| signature.argument(i));
    declared
        .zip(given)
        .map(|(declared, given)| one(declared, given))
        .collect()
}

fn one(declared: &Field, given: &Argument) -> Result<RawArgument> {
    let from = given.field.data_type();
    let (name, to) = match *declared.data_type() == ANY {
        // The caller's name may mean something to a function of any column.
        true => (given.field.name(), schema::crossing(from)),
        false => (declared.name(), declared.data_type().clone()),
    };
    check(declared.name(), from, &to)?;
    let constant = given.constant.as_ref().map(|value| {
        if value.len() != 1 {
            return Err(invalid(format!(
                "the constant `{}` has {} values, not one",
                declared.name(),
                value.len()
            )));
        }
        let value = cast::whole(value, &to)
            .map_err(|why| invalid(format!("argument `{}`: {why}", declared.name())))?;
        Ok(lower::lower(&value))
    });
    let metadata = given.field.metadata().clone();
    let field = Field::new(name, to, given.field.is_nullable()).with_metadata(metadata);
    Ok(RawArgument {
        schema: schema::nodes(&field)
            .map_err(|e| invalid(format!("argument `{}`: {e}", declared.name())))?,
        constant: constant.transpose()?,
    })
}

/// That a column of type `from` can be cast to what the argument is.
///
/// # Errors
/// [`ErrorKind::InvalidArguments`], with the reason.
pub(crate) fn check(name: &str, from: &DataType, to: &DataType) -> Result<()> {
    cast::conversion(from, to).map(|_| ()).map_err(|e| {
        invalid(format!(
            "argument `{name}` is {}: {}",
            schema::display(to),
            e.message()
        ))
    })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArguments, message)
}
