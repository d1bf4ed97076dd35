//! Assets: named read-only bytes that the host grants to plugins.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::contract::v0_2::bindings::wudf::plugin::assets as wit;
use crate::error::printable;
use crate::instance::State;

/// The assets of a session, one copy for all instances.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assets(Arc<HashMap<String, Bytes>>);

impl Assets {
    pub(crate) fn new(assets: HashMap<String, Bytes>) -> Self {
        Self(Arc::new(assets))
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    fn get(&self, name: &str) -> Result<&Bytes, wit::Problem> {
        self.0
            .get(name)
            .ok_or_else(|| problem("not-found", name, "the host does not grant it"))
    }
}

fn problem(code: &str, name: &str, what: &str) -> wit::Problem {
    wit::Problem {
        code: code.to_owned(),
        message: format!("asset `{}`: {what}", printable(name, 100)),
        properties: Vec::new(),
    }
}

impl wit::Host for State {
    fn names(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.shared.assets.names())
    }

    fn size(&mut self, name: String) -> wasmtime::Result<Result<u64, wit::Problem>> {
        Ok(self
            .shared
            .assets
            .get(&name)
            .map(|bytes| bytes.len() as u64))
    }

    fn read(
        &mut self,
        name: String,
        offset: u64,
        length: u64,
    ) -> wasmtime::Result<Result<Vec<u8>, wit::Problem>> {
        let range = || {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            Some(start..end)
        };
        Ok(self.shared.assets.get(&name).and_then(|bytes| {
            let part = range()
                .and_then(|range| bytes.get(range))
                .ok_or_else(|| problem("out-of-range", &name, "the range exceeds its size"))?;
            Ok(part.to_vec())
        }))
    }
}
