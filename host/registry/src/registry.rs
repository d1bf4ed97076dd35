//! Push, pull, resolve and look up: what the rest of wudf asks for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::{Attachments, Error, ErrorKind, Reference, Result, Settings};

/// The registries, and the store of what came from them. Cheap to clone; calls
/// block, also on the threads of an asynchronous runtime.
#[derive(Clone, Debug)]
pub struct Registry(Arc<Settings>);

/// A plugin that was pulled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PulledPlugin {
    /// Where it is, by the digest of its manifest.
    pub reference: Reference,
    /// The digest of the bytes.
    pub layer: String,
    /// The component.
    pub bytes: Vec<u8>,
    /// The models that its manifest ties to it, by digest.
    pub models: BTreeMap<String, Reference>,
    /// What else its manifest says.
    pub annotations: BTreeMap<String, String>,
}

/// A model that was pulled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PulledModel {
    /// Where it is, by the digest of its manifest.
    pub reference: Reference,
    /// The model's file in the store; files with its weights lie beside it.
    pub path: PathBuf,
    /// The digests of its files, the model's own first.
    pub layers: Vec<String>,
}

/// What a push says beside the bytes.
#[derive(Clone, Debug, Default)]
pub struct Annotate {
    /// The models that a plugin asks for, each by digest.
    pub models: BTreeMap<String, Reference>,
    /// The file's name; the repository's last part when `None`.
    pub title: Option<String>,
    /// Annotations of the manifest; these win over the component's own metadata.
    pub annotations: BTreeMap<String, String>,
}

/// What was pushed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pushed {
    /// Where it is, by the digest of its manifest.
    pub reference: Reference,
    /// The digest of the first layer.
    pub layer: String,
    /// The bytes of all layers.
    pub size: u64,
}

/// Something in the store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stored {
    /// Where it came from, by tag where there was one, and by digest.
    pub reference: Reference,
    /// What it is.
    pub kind: Kind,
    /// The bytes of its layers.
    pub size: u64,
    /// When it was pulled.
    pub pulled: SystemTime,
}

/// What something in the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A component.
    Plugin,
    /// A model's file or files.
    Model,
    /// Neither.
    Other,
}

fn not_yet<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Invalid, "not yet"))
}

impl Registry {
    /// # Errors
    /// The lock file that is named cannot be used.
    pub fn new(settings: Settings) -> Result<Self> {
        Ok(Self(Arc::new(settings)))
    }

    /// # Errors
    pub fn resolve(&self, _reference: &Reference) -> Result<Reference> {
        not_yet()
    }

    /// # Errors
    pub fn pull_plugin(&self, _reference: &Reference) -> Result<PulledPlugin> {
        not_yet()
    }

    /// # Errors
    pub fn pull_model(&self, _reference: &Reference) -> Result<PulledModel> {
        not_yet()
    }

    /// # Errors
    pub fn push_plugin(&self, _: &[u8], _: &Reference, _: &Annotate) -> Result<Pushed> {
        not_yet()
    }

    /// # Errors
    pub fn push_model(&self, _: &[PathBuf], _: &Reference, _: &Annotate) -> Result<Pushed> {
        not_yet()
    }

    /// # Errors
    pub fn list(&self) -> Result<Vec<Stored>> {
        not_yet()
    }

    /// # Errors
    pub fn remove(&self, _: &Reference) -> Result<u64> {
        not_yet()
    }

    /// Attachments in the store.
    pub fn local(&self) -> impl Attachments + use<> {
        Hung
    }

    /// Attachments in the registry.
    pub fn remote(&self) -> impl Attachments + use<> {
        Hung
    }
}

struct Hung;

impl Attachments for Hung {
    fn manifests(&self, _: &Reference) -> Result<Vec<Vec<u8>>> {
        not_yet()
    }
    fn blob(&self, _: &Reference, _: &str, _: usize) -> Result<Vec<u8>> {
        not_yet()
    }
    fn signatures(&self, _: &Reference) -> Result<Option<Vec<u8>>> {
        not_yet()
    }
    fn put_signatures(&self, _: &Reference, _: &[u8], _: &[Vec<u8>]) -> Result<()> {
        not_yet()
    }
}
