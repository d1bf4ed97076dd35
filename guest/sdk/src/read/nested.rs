//! Values that may be null, and structs.

use super::{Absent, Argument, Arguments, Nodes, validity};
use crate::bindings::wudf::plugin::arrow::Field;
use crate::bits::Validity;
use crate::error::Error;
use crate::schema::Typed;

impl<T: Typed> Typed for Option<T> {
    fn describe(name: &str, _: bool, schema: &mut Vec<Field>) {
        T::describe(name, true, schema);
    }
}

impl<T: Argument> Argument for Option<T> {
    type Value<'a> = Option<T::Value<'a>>;
    type Column<'a> = T::Column<'a>;
    type Block<'a> = T::Block<'a>;
    const TAKES_NULLS: bool = true;

    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Column<'a>, Error> {
        T::bind(nodes, length)
    }
    fn bind_constant<'a>(nodes: &mut Nodes<'a>) -> Result<Self::Column<'a>, Error> {
        T::bind_constant(nodes)
    }
    #[inline]
    fn get<'a>(column: &'a Self::Column<'_>, row: usize) -> Result<Self::Value<'a>, Absent> {
        match T::get(column, row) {
            Ok(value) => Ok(Some(value)),
            Err(Absent::Null) => Ok(None),
            Err(unfit) => Err(unfit),
        }
    }
    #[inline]
    fn whole(column: &Self::Column<'_>, row: usize) -> bool {
        T::whole(column, row)
    }
    #[inline]
    fn all_whole(column: &Self::Column<'_>) -> bool {
        T::all_whole(column)
    }
    #[inline]
    fn block<'a>(column: &'a Self::Column<'_>, row: usize) -> Self::Block<'a> {
        T::block(column, row)
    }
    #[inline]
    fn at<'a>(block: Self::Block<'a>, row: usize) -> Self::Value<'a> {
        Some(T::at(block, row))
    }
}

/// A column of structs. What `#[derive(Row)]` reads from.
#[derive(Debug)]
pub struct StructColumn<'a, C> {
    validity: Validity<'a>,
    fields: C,
}

impl<'a, C> StructColumn<'a, C> {
    /// Takes the nodes of a struct with these fields.
    pub fn bind<A>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self, Error>
    where
        A: Arguments<Columns<'a> = C>,
    {
        let (node, [bitmap]) = nodes.take(length)?;
        Ok(Self {
            validity: validity(node, bitmap, length)?,
            fields: A::bind(nodes, length)?,
        })
    }
}

impl<C> StructColumn<'_, C> {
    /// The fields of one row.
    pub fn get<'a, 'c, A>(&'a self, row: usize) -> Result<A::Values<'a>, Absent>
    where
        A: Arguments<Columns<'c> = C>,
    {
        if !self.validity.is_valid(row) {
            return Err(Absent::Null);
        }
        A::get(&self.fields, row).map_err(|absent| {
            absent.inside("a field is null, and the function takes no null in it")
        })
    }
}
