//! Maps.

use std::collections::BTreeMap;

use super::list::ListColumn;
use super::{Absent, Argument, Nodes, validity};
use crate::bindings::wudf::plugin::arrow::Field;
use crate::bits::Validity;
use crate::error::Error;
use crate::schema::{Typed, field};

/// The entries of all maps of a column.
#[derive(Debug)]
pub struct Entries<'a, K, V> {
    validity: Validity<'a>,
    keys: K,
    values: V,
}

impl<K: Typed, V: Typed> Typed for BTreeMap<K, V> {
    fn describe(name: &str, nullable: bool, schema: &mut Vec<Field>) {
        schema.push(field(name, "+m", nullable, 1));
        schema.push(field("entries", "+s", false, 2));
        K::describe("key", false, schema);
        V::describe("value", false, schema);
    }
}

impl<K, V> Argument for BTreeMap<K, V>
where
    K: for<'a> Argument<Value<'a>: Ord>,
    V: Argument,
{
    type Value<'a> = BTreeMap<K::Value<'a>, V::Value<'a>>;
    type Column<'a> = ListColumn<'a, Entries<'a, K::Column<'a>, V::Column<'a>>>;
    type Block<'a> = ();

    fn bind<'a>(nodes: &mut Nodes<'a>, length: usize) -> Result<Self::Column<'a>, Error> {
        ListColumn::bind(nodes, length, |nodes, length| {
            let (node, [bitmap]) = nodes.take(length)?;
            Ok(Entries {
                validity: validity(node, bitmap, length)?,
                keys: K::bind(nodes, length)?,
                values: V::bind(nodes, length)?,
            })
        })
    }

    fn get<'a>(column: &'a Self::Column<'_>, row: usize) -> Result<Self::Value<'a>, Absent> {
        let entries = &column.items;
        column
            .range(row)?
            .map(|at| {
                if !entries.validity.is_valid(at) {
                    return Err(Absent::Unfit("an entry of the map is null"));
                }
                let key = K::get(&entries.keys, at)
                    .map_err(|absent| absent.inside("a key of the map is null"))?;
                let value = V::get(&entries.values, at).map_err(|absent| {
                    absent
                        .inside("a value of the map is null, and the function takes no null values")
                })?;
                Ok((key, value))
            })
            .collect()
    }
}
