//! Assets: named bytes that the host grants, such as a vocabulary. Native tests
//! provide them with [`testing::asset`](crate::testing::asset).

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
enum Reason {
    NotGranted,
    OutOfRange,
    /// As the host puts it.
    #[cfg(target_arch = "wasm32")]
    Other(String),
}

/// Where an asset that is missing comes from.
const GRANTED_BY: &str = if cfg!(target_arch = "wasm32") {
    "the host does not grant it"
} else {
    "outside of wudf, provide it with `wudf_guest::testing::asset`"
};

impl AssetError {
    /// Whether the host grants no asset of this name, so that a plugin can do
    /// without it.
    pub fn is_not_granted(&self) -> bool {
        self.reason == Reason::NotGranted
    }
}

impl Display for AssetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.reason {
            Reason::NotGranted => write!(f, "missing asset `{name}`: {GRANTED_BY}"),
            Reason::OutOfRange => write!(f, "asset `{name}`: the range is out of bounds"),
            #[cfg(target_arch = "wasm32")]
            Reason::Other(message) => write!(f, "asset `{name}`: {message}"),
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

// Native builds, which tests are, have the assets of `testing`.
#[cfg(not(target_arch = "wasm32"))]
mod host {
    use super::{AssetError, Reason};
    use crate::testing;

    fn find<T>(name: &str, read: impl FnOnce(&[u8]) -> Result<T, Reason>) -> Result<T, AssetError> {
        testing::with_asset(name, read)
            .unwrap_or(Err(Reason::NotGranted))
            .map_err(|reason| AssetError {
                name: name.to_owned(),
                reason,
            })
    }

    pub fn names() -> Vec<String> {
        testing::asset_names()
    }

    pub fn size(name: &str) -> Result<u64, AssetError> {
        find(name, |bytes| Ok(bytes.len() as u64))
    }

    pub fn read(name: &str, offset: u64, length: u64) -> Result<Vec<u8>, AssetError> {
        find(name, |bytes| {
            usize::try_from(offset)
                .ok()
                .zip(usize::try_from(length).ok())
                .and_then(|(offset, length)| bytes.get(offset..offset.checked_add(length)?))
                .map(<[u8]>::to_vec)
                .ok_or(Reason::OutOfRange)
        })
    }
}
