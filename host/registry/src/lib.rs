//! Plugins and models in OCI registries: push and pull in the format of the
//! CNCF Wasm artifact, a store of what was pulled that processes share, a lock
//! file, signatures as cosign makes them, and policies that want them.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod artifact;
mod attachments;
mod client;
mod component;
mod credentials;
mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod key;
pub mod lock;
mod look;
mod metadata;
pub mod policy;
mod push;
mod reference;
mod registry;
mod settings;
pub mod signature;
mod store;
mod stored;
mod text;

pub use attachments::{Attachments, MANIFEST_LIMIT};
pub use error::{Error, ErrorKind, Result};
pub use lock::Lock;
pub use look::Seen;
pub use metadata::{Dependency, DependencyKind, Metadata};
pub use reference::{Reference, SCHEME};
pub use registry::{Annotate, PulledModel, PulledPlugin, Pushed, Registry};
pub use settings::{OnProgress, Progress, Settings};
pub use stored::{Kind, Stored};
pub use text::digest_of;
