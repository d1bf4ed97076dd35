//! The contract `wudf:plugin`: which interfaces a plugin may export, and which
//! versions of them are spoken here, one module each.
//!
//! An exported interface never changes, so a plugin that exports one that is
//! spoken here runs, whatever else it exports. Imports may be added at any time: a
//! plugin that imports what was added since does not link, and is told to upgrade.

pub(crate) mod v0_2;

use std::cmp::Ordering;

use wasmtime::Store;
use wasmtime::component::{self, InstancePre};

use crate::columns::Returned;
use crate::columns::schema::FieldNode;
use crate::error::printable;
use crate::instance::State;
use crate::{Error, ErrorKind};

/// The interface that makes a component a columnar plugin; its version follows.
pub(crate) const SCALAR: &str = "wudf:plugin/scalar@";

/// The newest version that is spoken here.
pub(crate) const VERSION: &str = "0.2.0";
const NEWEST: [u64; 3] = [0, 2, 0];

/// A version of the contract that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V0_2,
}

impl Version {
    /// The version that an exported interface is of, if it is spoken here.
    pub(crate) fn of(version: &str) -> Option<Self> {
        match numbers(version)? {
            [0, 2, _] => Some(Self::V0_2),
            _ => None,
        }
    }

    /// The columnar plugin in a component.
    pub(crate) fn prepare(self, pre: InstancePre<State>) -> wasmtime::Result<Scalar> {
        Ok(match self {
            Self::V0_2 => Scalar::V0_2(v0_2::Pre::new(pre)?),
        })
    }
}

/// A component that exports the interface `scalar`.
pub(crate) enum Scalar {
    V0_2(v0_2::Pre),
}

impl Scalar {
    pub(crate) fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<ScalarInstance> {
        Ok(match self {
            Self::V0_2(pre) => ScalarInstance::V0_2(pre.instantiate(store)?),
        })
    }
}

/// The exports of an instance.
pub(crate) enum ScalarInstance {
    V0_2(v0_2::Exports),
}

/// An open function in an instance.
#[derive(Clone, Copy)]
pub(crate) enum ScalarFunction {
    V0_2(component::ResourceAny),
}

/// What a plugin says of a function; hostile until checked.
pub(crate) struct RawSignature {
    pub name: String,
    pub doc: String,
    pub arguments: Vec<Vec<FieldNode>>,
    pub returns: Vec<FieldNode>,
    pub options: String,
    pub models: Vec<String>,
    pub assets: Vec<String>,
    pub properties: Vec<(String, String)>,
}

/// What the caller has for an argument, as `open` is told.
pub(crate) struct RawArgument {
    pub schema: Vec<FieldNode>,
    /// One value, laid out.
    pub constant: Option<Vec<crate::columns::Node>>,
}

/// What a plugin returned; hostile until checked.
pub(crate) struct RawOutput {
    pub values: Vec<Returned>,
    pub failures: Vec<RawFailure>,
}

/// A row that a plugin says failed.
pub(crate) struct RawFailure {
    pub row: u32,
    pub code: String,
    pub message: String,
}

/// A plugin's own word that it cannot.
pub(crate) struct Problem {
    pub code: String,
    pub message: String,
}

impl ScalarInstance {
    pub(crate) fn signatures(
        &self,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Vec<RawSignature>> {
        match self {
            Self::V0_2(exports) => exports.signatures(store),
        }
    }

    pub(crate) fn open(
        &self,
        store: &mut Store<State>,
        name: &str,
        options: &str,
        arguments: &[RawArgument],
    ) -> wasmtime::Result<Result<ScalarFunction, Problem>> {
        match self {
            Self::V0_2(exports) => Ok(exports
                .open(store, name, options, arguments)?
                .map(ScalarFunction::V0_2)),
        }
    }

    pub(crate) fn signature(
        &self,
        store: &mut Store<State>,
        function: ScalarFunction,
    ) -> wasmtime::Result<RawSignature> {
        match (self, function) {
            (Self::V0_2(exports), ScalarFunction::V0_2(function)) => {
                exports.signature(store, function)
            }
        }
    }

    pub(crate) fn call(
        &self,
        store: &mut Store<State>,
        function: ScalarFunction,
        rows: u32,
        arguments: &[Vec<crate::columns::Node>],
    ) -> wasmtime::Result<Result<RawOutput, Problem>> {
        match (self, function) {
            (Self::V0_2(exports), ScalarFunction::V0_2(function)) => {
                exports.call(store, function, rows, arguments)
            }
        }
    }
}

/// Whether all that there is in that version is here too.
pub(crate) fn is_known(version: &str) -> bool {
    Version::of(version).is_some() && numbers(version) <= Some(NEWEST)
}

/// The error for a plugin of a version that is not spoken here, which says what to
/// upgrade.
pub(crate) fn unsupported(version: &str) -> Error {
    let what = match numbers(version).map(|numbers| numbers.cmp(&NEWEST)) {
        Some(Ordering::Greater) => "upgrade wudf",
        Some(_) => "rebuild the plugin with this version's wudf-guest",
        None => "upgrade wudf or rebuild the plugin",
    };
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "made for version {} of the contract wudf:plugin, this is {VERSION}: {what}",
            printable(version, 40),
        ),
    )
}

/// None for what is no release: a pre-release promises nothing.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let release = version.split('+').next()?;
    let mut parts = release.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_within_a_minor_are_spoken() {
        for version in ["0.2.0", "0.2.7", "0.2.0+build"] {
            assert_eq!(Version::of(version), Some(Version::V0_2), "{version}");
        }
        for version in [
            "0.3.0", "1.0.0", "0.0.9", "1.2.0", "0.2", "0.2.0-rc", "0.2.0.0", "", "x",
        ] {
            assert_eq!(Version::of(version), None, "{version}");
        }
        assert!(is_known("0.2.0") && !is_known("0.2.1"));
    }

    #[test]
    fn errors_say_what_to_upgrade() {
        let said = |version| unsupported(version).to_string();
        assert!(said("0.2.1").ends_with("this is 0.2.0: upgrade wudf"));
        assert!(said("1.0.0").ends_with(": upgrade wudf"));
        assert!(said("0.0.3").contains(": rebuild the plugin"));
        assert!(said("0.3.0-rc.1").ends_with("upgrade wudf or rebuild the plugin"));
        assert!(!said("\u{1b}[31m").contains('\u{1b}'));
    }
}
