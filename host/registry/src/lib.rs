//! Plugins and models in OCI registries: push and pull in the format of the
//! CNCF Wasm artifact, a store of what was pulled that processes share, a lock
//! file, signatures as cosign makes them, and policies that want them.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod attachments;
mod error;
mod metadata;
mod reference;

pub use attachments::{Attachments, MANIFEST_LIMIT};
pub use error::{Error, ErrorKind, Result};
pub use metadata::{Dependency, DependencyKind, Metadata};
pub use reference::Reference;
