//! Assets: named bytes that the host grants, such as a vocabulary.

use std::fmt::{self, Display};

#[cfg(target_arch = "wasm32")]
use crate::bindings::wudf::plugin::assets;

/// Why an asset cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetError {
    name: String,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    target_arch = "wasm32",
    allow(dead_code, reason = "one is for other targets")
)]
#[cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "most are for wasm")
)]
enum Reason {
    NotGranted,
    OutOfRange,
    NoHost,
    /// As the host says it.
    Other(String),
}

impl AssetError {
    /// Whether the host grants no asset of this name, so that a plugin can do
    /// without.
    pub fn is_not_granted(&self) -> bool {
        self.reason == Reason::NotGranted
    }
}

impl Display for AssetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.reason {
            Reason::NotGranted => write!(f, "asset `{name}`: the host does not grant it"),
            Reason::OutOfRange => write!(f, "asset `{name}`: the range exceeds its size"),
            Reason::NoHost => {
                write!(
                    f,
                    "asset `{name}`: assets are available only when running inside wudf"
                )
            }
            Reason::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for AssetError {}

/// The names of the assets that the host grants. A function that can do without one
/// looks here, and leaves it out of its signature when it is not granted.
pub fn names() -> Vec<String> {
    host::names()
}

/// An asset's size in bytes.
pub fn size(name: &str) -> Result<u64, AssetError> {
    host::size(name)
}

/// A whole asset. Read it in `open`, not for each row: this copies it.
pub fn read(name: &str) -> Result<Vec<u8>, AssetError> {
    host::read(name, 0, host::size(name)?)
}

/// `length` bytes of an asset from `offset`.
pub fn read_range(name: &str, offset: u64, length: u64) -> Result<Vec<u8>, AssetError> {
    host::read(name, offset, length)
}

#[cfg(target_arch = "wasm32")]
mod host {
    use super::{AssetError, Reason, assets};

    fn error(name: &str) -> impl FnOnce(assets::Problem) -> AssetError {
        move |problem| AssetError {
            name: name.to_owned(),
            reason: match problem.code.as_str() {
                "not-found" => Reason::NotGranted,
                "out-of-range" => Reason::OutOfRange,
                _ => Reason::Other(problem.message),
            },
        }
    }

    pub fn names() -> Vec<String> {
        assets::names()
    }

    pub fn size(name: &str) -> Result<u64, AssetError> {
        assets::size(name).map_err(error(name))
    }

    pub fn read(name: &str, offset: u64, length: u64) -> Result<Vec<u8>, AssetError> {
        assets::read(name, offset, length).map_err(error(name))
    }
}

// Plugins are linked natively too, by tests and benches, where nothing imports.
#[cfg(not(target_arch = "wasm32"))]
mod host {
    use super::{AssetError, Reason};

    pub fn names() -> Vec<String> {
        Vec::new()
    }

    pub fn size(name: &str) -> Result<u64, AssetError> {
        Err(AssetError {
            name: name.to_owned(),
            reason: Reason::NoHost,
        })
    }

    pub fn read(name: &str, _: u64, _: u64) -> Result<Vec<u8>, AssetError> {
        size(name).map(|_| Vec::new())
    }
}
