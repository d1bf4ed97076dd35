//! What the store has, and how it goes again.

use std::path::Path;
use std::time::SystemTime;

use crate::artifact::Found;
use crate::attachments::MANIFEST_LIMIT;
use crate::store::Look;
use crate::{Reference, Registry, Result};

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

impl Registry {
    /// The folder that keeps what was pulled; `None` where there is no place for one.
    pub fn folder(&self) -> Option<&Path> {
        self.0.store.root().ok()
    }

    /// What is in the store, by name.
    ///
    /// # Errors
    /// There is no place for a store.
    pub fn list(&self) -> Result<Vec<Stored>> {
        let store = &self.0.store;
        store.root()?;
        let mut all = Vec::new();
        for repository in store.repositories() {
            let tags = repository.tags();
            for (digest, pulled) in repository.manifests() {
                let Ok(reference) = format!("{}@{digest}", repository.name).parse::<Reference>()
                else {
                    continue;
                };
                let (kind, size) = self.kind(&reference);
                let mut named: Vec<_> = tags
                    .iter()
                    .filter(|(_, of)| *of == digest)
                    .filter_map(|(tag, _)| {
                        format!("{}:{tag}@{digest}", repository.name).parse().ok()
                    })
                    .collect();
                if named.is_empty() {
                    named.push(reference);
                }
                all.extend(named.into_iter().map(|reference| Stored {
                    reference,
                    kind,
                    size,
                    pulled,
                }));
            }
        }
        Ok(all)
    }

    fn kind(&self, reference: &Reference) -> (Kind, u64) {
        let read = |reference: &Reference| {
            let digest = reference.digest()?;
            match self.0.store.read(digest, MANIFEST_LIMIT as u64) {
                Look::Here(bytes) => Found::read(&bytes, reference).ok(),
                _ => None,
            }
        };
        let found = match read(reference) {
            Some(Found::Index(index)) => index
                .choose(reference)
                .ok()
                .and_then(|chosen| read(&reference.at(&chosen.digest))),
            found => found,
        };
        match found {
            Some(Found::Manifest(manifest)) => (manifest.kind(), manifest.size()),
            _ => (Kind::Other, 0),
        }
    }

    /// Removes a tag from the store, or what a digest names with all its tags,
    /// and then every file that nothing names any more. Gives the bytes that
    /// this freed.
    ///
    /// # Errors
    /// It is not in the store, or the store cannot be written.
    pub fn remove(&self, reference: &Reference) -> Result<u64> {
        self.0.store.remove(reference)
    }
}
