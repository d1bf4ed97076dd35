//! Maps.

use std::collections::BTreeMap;

use super::bytes::OffsetsBuilder;
use super::primitive::leaf;
use super::{Builder, Value};
use crate::bindings::wudf::plugin::arrow::Node;
use crate::bits::ValidityBuilder;
use crate::error::Error;

/// A column of maps.
#[derive(Debug)]
pub struct MapBuilder<K, V> {
    offsets: OffsetsBuilder,
    count: usize,
    keys: K,
    values: V,
    validity: ValidityBuilder,
}

impl<K: Builder, V: Builder> Builder for MapBuilder<K, V> {
    fn with_capacity(rows: usize) -> Self {
        Self {
            offsets: OffsetsBuilder::with_capacity(rows),
            count: 0,
            keys: K::with_capacity(0),
            values: V::with_capacity(0),
            validity: ValidityBuilder::default(),
        }
    }
    fn null(&mut self) {
        self.offsets.end(self.count);
        self.validity.null();
    }
    fn filler(&mut self, count: usize) {
        (0..count).for_each(|_| self.offsets.end(self.count));
        self.validity.valid(count);
    }
    fn finish(self, nodes: &mut Vec<Node>) -> Result<(), Error> {
        nodes.push(leaf(self.validity, vec![self.offsets.finish()?]));
        let mut entries = ValidityBuilder::default();
        entries.valid(self.count);
        nodes.push(leaf(entries, vec![]));
        self.keys.finish(nodes)?;
        self.values.finish(nodes)
    }
}

impl<K: Value, V: Value> Value for BTreeMap<K, V> {
    type Builder = MapBuilder<K::Builder, V::Builder>;

    fn append(self, to: &mut Self::Builder) {
        to.count += self.len();
        to.offsets.end(to.count);
        for (key, value) in self {
            key.append(&mut to.keys);
            value.append(&mut to.values);
        }
        to.validity.valid(1);
    }
}
