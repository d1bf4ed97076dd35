//! What hangs on a manifest in a registry: signatures, above all.

use crate::artifact::{Found, Index, MANIFEST};
use crate::client::{Client, Payload, Sink};
use crate::reference::is_digest;
use crate::registry::{Registry, missing, not_here};
use crate::store::{Look, MOST_REFERRERS, Store};
use crate::text::digest_of;
use crate::{Error, ErrorKind, Reference, Result};

/// The most bytes of a manifest, as registries have it.
pub const MANIFEST_LIMIT: usize = 4 << 20;

/// A place where manifests hang on other manifests. The registry is one, the
/// local store another; tests have a third.
pub trait Attachments {
    /// The bytes of the manifests that hang on the one that `subject` names by
    /// digest: under the tag `sha256-HEX.sig`, as cosign has it, and those that
    /// the referrers API or its tag `sha256-HEX` lists. Each is checked against
    /// the digest that it was found by, where it was found by one.
    ///
    /// # Errors
    /// What stands in the way; that there are none is no error.
    fn manifests(&self, subject: &Reference) -> Result<Vec<Vec<u8>>>;

    /// A blob of the subject's repository, at most `limit` bytes, checked
    /// against its digest.
    ///
    /// # Errors
    /// What stands in the way, that there is no such blob among it.
    fn blob(&self, subject: &Reference, digest: &str, limit: usize) -> Result<Vec<u8>>;

    /// The manifest of signatures under the tag `sha256-HEX.sig`, which a
    /// further signature joins; `None` when there is none.
    ///
    /// # Errors
    /// What stands in the way.
    fn signatures(&self, subject: &Reference) -> Result<Option<Vec<u8>>>;

    /// Puts a manifest in the place of that, and before it the blobs that it
    /// names and the registry has not.
    ///
    /// # Errors
    /// What stands in the way; then the old manifest is still there.
    fn put_signatures(&self, subject: &Reference, manifest: &[u8], blobs: &[Vec<u8>])
    -> Result<()>;
}

/// What hangs on manifests in a registry or in the store.
pub(crate) struct Hung {
    registry: Registry,
    network: bool,
}

impl Hung {
    pub(crate) fn new(registry: Registry, network: bool) -> Self {
        Self { registry, network }
    }

    fn store(&self) -> &Store {
        &self.registry.0.store
    }

    fn client<'a>(&'a self, subject: &'a Reference) -> Option<Client<'a>> {
        self.network.then(|| self.registry.client(subject))
    }

    /// The manifest under a tag; the store learns of it, and that there is
    /// none any more.
    fn tagged(
        &self,
        client: Option<&Client<'_>>,
        subject: &Reference,
        tag: &str,
    ) -> Result<Option<Vec<u8>>> {
        let store = self.store();
        let Some(client) = client else {
            let Some(digest) = store.tag(subject, tag) else {
                return Ok(None);
            };
            return match store.read(&digest, MANIFEST_LIMIT as u64) {
                Look::Here(bytes) => Ok(Some(bytes)),
                _ => Ok(None),
            };
        };
        let found = client.manifest(subject.repository(), tag)?;
        self.keep(subject, tag, found.as_deref());
        Ok(found)
    }

    /// A store that cannot be written costs later processes the question.
    fn keep(&self, subject: &Reference, tag: &str, manifest: Option<&[u8]>) {
        let kept = manifest
            .map(|bytes| self.store().put(bytes))
            .transpose()
            .and_then(|digest| self.store().set_tag(subject, tag, digest.as_deref()));
        if let Err(e) = kept {
            tracing::warn!("{e}");
        }
    }

    /// The digests of what hangs on a manifest.
    fn hanging(
        &self,
        client: Option<&Client<'_>>,
        subject: &Reference,
        digest: &str,
    ) -> Result<Vec<String>> {
        let Some(client) = client else {
            return Ok(self.store().hanging(subject, digest));
        };
        let list = client.referrers(subject.repository(), digest)?;
        // Registries without that list keep it under a tag.
        let list = match list {
            None => client.manifest(subject.repository(), &digest.replace(':', "-"))?,
            list => list,
        };
        let index: Option<Index> = match list {
            None => None,
            Some(bytes) => match Found::read(&bytes, subject)? {
                Found::Index(index) => Some(index),
                Found::Manifest(_) => None,
            },
        };
        let listed = index.map(|index| index.manifests).unwrap_or_default();
        if listed.len() > MOST_REFERRERS {
            tracing::warn!(
                "{} things hang on {subject}; {MOST_REFERRERS} are looked at",
                listed.len()
            );
        }
        let listed = listed.into_iter().map(|one| one.digest);
        Ok(listed.take(MOST_REFERRERS).collect())
    }
}

/// Where cosign puts signatures.
fn signature_tag(digest: &str) -> String {
    format!("{}.sig", digest.replace(':', "-"))
}

fn digest_named(subject: &Reference) -> Result<&str> {
    subject.digest().ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            format!("{subject} names no digest, which signatures are of"),
        )
    })
}

impl Attachments for Hung {
    fn manifests(&self, subject: &Reference) -> Result<Vec<Vec<u8>>> {
        let digest = digest_named(subject)?;
        let _held = self.store().hold();
        let client = self.client(subject);
        let client = client.as_ref();
        let mut seen = Vec::new();
        let mut found = Vec::new();
        if let Some(bytes) = self.tagged(client, subject, &signature_tag(digest))? {
            seen.push(digest_of(&bytes));
            found.push(bytes);
        }
        let hanging = self.hanging(client, subject, digest)?;
        let mut kept = Vec::new();
        for one in hanging {
            let known = self.store().read(&one, MANIFEST_LIMIT as u64);
            let bytes = match (known, client) {
                (Look::Here(bytes), _) => Some(bytes),
                (_, None) => None,
                (_, Some(client)) => client.manifest(subject.repository(), &one)?,
            };
            let Some(bytes) = bytes else {
                tracing::warn!("{one}, which hangs on {subject}, is not there");
                continue;
            };
            if self.network
                && let Err(e) = self.store().put(&bytes)
            {
                tracing::warn!("{e}");
            }
            kept.push(one.clone());
            if !seen.contains(&one) {
                seen.push(one);
                found.push(bytes);
            }
        }
        if self.network
            && let Err(e) = self.store().set_hanging(subject, digest, &kept)
        {
            tracing::warn!("{e}");
        }
        Ok(found)
    }

    fn blob(&self, subject: &Reference, digest: &str, limit: usize) -> Result<Vec<u8>> {
        if !is_digest(digest) {
            let why = format!("{subject} has a signature of what is no digest");
            return Err(Error::new(ErrorKind::Artifact, why));
        }
        let _held = self.store().hold();
        if let Look::Here(bytes) = self.store().read(digest, limit as u64) {
            return Ok(bytes);
        }
        let at = subject.at(digest);
        let client = self.client(subject).ok_or_else(|| not_here(&at))?;
        let mut sink = Sink::memory();
        let what = at.to_string();
        client.blob(
            subject.repository(),
            digest,
            None,
            limit as u64,
            &what,
            &mut sink,
        )?;
        let bytes = sink.into_bytes();
        if let Err(e) = self.store().put(&bytes) {
            tracing::warn!("{e}");
        }
        Ok(bytes)
    }

    fn signatures(&self, subject: &Reference) -> Result<Option<Vec<u8>>> {
        let digest = digest_named(subject)?;
        let _held = self.store().hold();
        let client = self.client(subject);
        self.tagged(client.as_ref(), subject, &signature_tag(digest))
    }

    fn put_signatures(
        &self,
        subject: &Reference,
        manifest: &[u8],
        blobs: &[Vec<u8>],
    ) -> Result<()> {
        let digest = digest_named(subject)?;
        let tag = signature_tag(digest);
        let repository = subject.repository();
        let store = self.store();
        let _held = store.hold();
        let Some(client) = self.client(subject) else {
            if self.registry.0.settings.offline {
                // To sign for oneself alone is no use to anybody.
                tracing::warn!("the signature of {subject} is in the store only");
            }
            for blob in blobs {
                store.put(blob)?;
            }
            let manifest = store.put(manifest)?;
            return store.set_tag(subject, &tag, Some(&manifest));
        };
        // A signature of nothing would stay for ever.
        if client.manifest(repository, digest)?.is_none() {
            return Err(missing(subject));
        }
        for blob in blobs {
            let what = format!("a signature of {subject}");
            client.upload(repository, &digest_of(blob), Payload::Bytes(blob), &what)?;
        }
        client.put_manifest(repository, &tag, manifest, MANIFEST)?;
        for blob in blobs {
            if let Err(e) = store.put(blob) {
                tracing::warn!("{e}");
            }
        }
        self.keep(subject, &tag, Some(manifest));
        Ok(())
    }
}
