//! Lists, and lists of a fixed size.

use super::bytes::Offsets;
use super::primitive::PrimitiveColumn;
use super::{Absent, Argument, Nodes, misfit, validity};
use crate::bindings::wudf::plugin::arrow::Field;
use crate::bits::Validity;
use crate::error::Error;
use crate::schema::{ITEM, Typed, field};
use crate::types::{Item, Primitive};

const NULL_ITEM: &str = "an item is null, and the function takes no null items";
const BAD_OFFSETS: Absent = Absent::Unfit("its offsets are wrong");

/// A column of lists with this column of items.
#[derive(Debug)]
pub struct ListColumn<'a, C> {
    offsets: Offsets<'a>,
    validity: Validity<'a>,
    pub(super) items: C,
    end: usize,
}

impl<'a, C> ListColumn<'a, C> {
    pub(super) fn bind(
        nodes: &mut Nodes<'a>,
        length: usize,
        items: impl FnOnce(&mut Nodes<'a>, usize) -> Result<C, Error>,
    ) -> Result<Self, Error> {
        let (node, [bitmap, offsets]) = nodes.take(length)?;
        let validity = validity(node, bitmap, length)?;
        let offsets = Offsets::new(offsets, length)?;
        let end = offsets.end()?;
        Ok(Self {
            offsets,
            validity,
            items: items(nodes, end)?,
            end,
        })
    }

    /// Where the items of a list that is there lie.
    pub(super) fn range(&self, row: usize) -> Result<std::ops::Range<usize>, Absent> {
        if !self.validity.is_valid(row) {
            return Err(Absent::Null);
        }
        let range = self.offsets.range(row);
        if range.start <= range.end && range.end <= self.end {
            Ok(range)
        } else {
            Err(BAD_OFFSETS)
        }
    }
}

impl<T: Typed + Item> Typed for Vec<T> {
    fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
        schema.push(field(name, "+l", nullable, 1));
        T::describe(ITEM, false, schema);
    }
}

impl<T: Argument + Item> Argument for Vec<T> {
    type Value<'a> = Vec<T::Value<'a>>;
    type Column<'a> = ListColumn<'a, T::Column<'a>>;
    type Block<'a> = ();

    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Column<'a>, Error> {
        ListColumn::bind(nodes, length, T::bind)
    }

    fn get<'a>(column: &'a Self::Column<'_>, row: usize) -> Result<Self::Value<'a>, Absent> {
        column
            .range(row)?
            .map(|at| T::get(&column.items, at).map_err(|absent| absent.inside(NULL_ITEM)))
            .collect()
    }
}

impl<T: Typed + Item> Typed for &[T] {
    fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
        Vec::<T>::describe(name, nullable, schema);
    }
}

impl<T: Primitive + Item + Typed> Argument for &[T] {
    type Value<'a> = &'a [T];
    type Column<'a> = ListColumn<'a, PrimitiveColumn<'a, T>>;
    type Block<'a> = ();

    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Column<'a>, Error> {
        ListColumn::bind(nodes, length, PrimitiveColumn::bind)
    }

    fn get<'a>(column: &'a Self::Column<'_>, row: usize) -> Result<&'a [T], Absent> {
        let range = column.range(row)?;
        let validity = &column.items.validity;
        if !validity.all_valid() && range.clone().any(|at| !validity.is_valid(at)) {
            return Err(Absent::Unfit(NULL_ITEM));
        }
        column.items.values.get(range).ok_or(BAD_OFFSETS)
    }
}

/// A column of lists of a fixed size.
#[derive(Debug)]
pub struct ArrayColumn<'a, C> {
    validity: Validity<'a>,
    items: C,
}

impl<T: Typed + Item, const N: usize> Typed for [T; N] {
    fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
        schema.push(field(name, format!("+w:{N}"), nullable, 1));
        T::describe(ITEM, false, schema);
    }
}

impl<T: Argument + Item, const N: usize> Argument for [T; N] {
    type Value<'a> = [T::Value<'a>; N];
    type Column<'a> = ArrayColumn<'a, T::Column<'a>>;
    type Block<'a> = ();

    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Column<'a>, Error> {
        let (node, [bitmap]) = nodes.take(length)?;
        let count = length
            .checked_mul(N)
            .ok_or_else(|| misfit("too many items"))?;
        Ok(ArrayColumn {
            validity: validity(node, bitmap, length)?,
            items: T::bind(nodes, count)?,
        })
    }

    fn get<'a>(column: &'a Self::Column<'_>, row: usize) -> Result<Self::Value<'a>, Absent> {
        if !column.validity.is_valid(row) {
            return Err(Absent::Null);
        }
        // There is no stable `try_from_fn`: the first refusal is kept aside.
        let mut items = [const { None }; N];
        for (at, item) in items.iter_mut().enumerate() {
            *item = Some(
                T::get(&column.items, row * N + at).map_err(|absent| absent.inside(NULL_ITEM))?,
            );
        }
        Ok(items.map(|item| match item {
            Some(item) => item,
            None => unreachable!("every item was read"),
        }))
    }
}
