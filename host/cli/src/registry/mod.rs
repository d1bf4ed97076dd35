//! What travels: plugins and models to registries and back, pinned and signed.

mod difference;
mod origin;
mod signing;
mod store;
mod transfer;
mod update;

use anyhow::Result;
use wudf_adapter::{Fetch, Registries};
use wudf_registry::{Reference, Registry, SCHEME};

pub use origin::Origin;
pub use signing::{key, sign, verify};
pub use store::{list, remove};
pub use transfer::{pull, push};
pub use update::update;

/// A registry to put things into.
fn writable(plain_http: bool, fetch: &Fetch) -> Result<Registry> {
    let registries = Registries {
        plain_http,
        ..Registries::default()
    };
    Ok(registries.open(fetch)?)
}

/// A reference, where a file may stand as well.
fn reference(text: &str) -> Option<wudf_registry::Result<Reference>> {
    text.starts_with(SCHEME).then(|| text.parse())
}
