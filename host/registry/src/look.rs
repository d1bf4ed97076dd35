//! What stands under a reference, before its files are fetched.

use crate::{Kind, Reference, Registry, Result};

/// What stands under a reference.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// Where it is, by the digest of its manifest.
    pub reference: Reference,
    /// What it is.
    pub kind: Kind,
    /// The digests of its files.
    pub layers: Vec<String>,
    /// The bytes of its files.
    pub size: u64,
}

impl Registry {
    /// Looks at a manifest, and fetches no more than that.
    ///
    /// # Errors
    /// As [`Registry::resolve`]; and what stands there is no manifest.
    pub fn look(&self, reference: &Reference) -> Result<Seen> {
        let opened = self.open(&self.client(reference), reference)?;
        let layers = opened.manifest.layers.iter();
        Ok(Seen {
            reference: reference.at(&opened.digest),
            kind: opened.manifest.kind(),
            layers: layers.map(|layer| layer.digest.clone()).collect(),
            size: opened.manifest.size(),
        })
    }
}
