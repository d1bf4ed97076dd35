//! Signatures as cosign makes them: of a manifest in a registry, and of a file
//! beside it. Verified with keys that are at hand, and with no network but the
//! registry: certificates and transparency logs are not asked.
//!
//! What is read on a manifest, under its `.sig` tag or as its referrer:
//!
//! | layer | signed is |
//! |---|---|
//! | `application/vnd.dev.cosign.simplesigning.v1+json` | the layer, which names the manifest's digest |
//! | `application/vnd.dev.sigstore.bundle.v0.3+json`, a DSSE envelope | an in-toto statement that names the digest |
//! | the same, a message signature | the manifest |
//!
//! The first is written, since every version of cosign and of skopeo reads it.
//!
//! A signature says whose bytes these are, not where they lie: the
//! `docker-reference` in a payload is ignored, as cosign ignores it, so that a
//! mirror of a registry needs no new signatures. What is to be trusted in one
//! repository only is signed with that repository's own key.

mod bundle;
mod file;
mod manifest;
mod payload;
mod read;

pub use file::{file_path, read_file, sign_file, verify_bytes};
pub use read::{Format, Found};

pub(crate) use manifest::append;
pub(crate) use read::{Evidence, Examined, examine};

use crate::key::{PrivateKey, PublicKey};
use crate::reference::is_digest;
use crate::{Attachments, Error, ErrorKind, Reference, Result};

/// Signs the manifest that `subject` names by digest: a further layer in the
/// manifest under its tag `sha256-HEX.sig`. To sign twice with one key changes
/// nothing.
///
/// Registries have no way to add to a manifest, only to replace it: of two that
/// sign the same plugin in the same moment, one may have to sign again.
///
/// # Errors
/// What stands in the registry's way; [`ErrorKind::Artifact`] when something
/// else is under the tag, [`ErrorKind::TooLarge`] when there are more
/// signatures than anyone reads.
pub fn sign(at: &impl Attachments, subject: &Reference, key: &PrivateKey) -> Result<()> {
    let digest = digest(subject)?;
    let payload = payload::write(subject, digest)?;
    let layer = manifest::signed_layer(&payload, &key.sign(&payload));
    let there = at.signatures(subject)?;
    match append(there.as_deref(), layer, payload)? {
        Some((manifest, blobs)) => at.put_signatures(subject, &manifest, &blobs),
        None => Ok(()),
    }
}

/// The key that signed what `subject` names by digest, of those given; `None`
/// when none of them did.
///
/// # Errors
/// What stands in the way of asking. A signature that cannot be read is none.
pub fn verify(
    at: &impl Attachments,
    subject: &Reference,
    keys: &[PublicKey],
) -> Result<Option<PublicKey>> {
    Ok(examine(at, subject, keys)?.by.map(|(key, _)| key))
}

/// The signatures that can be read, verified or not: by whom they are, only a
/// key can tell.
///
/// # Errors
/// What stands in the way of asking.
pub fn list(at: &impl Attachments, subject: &Reference) -> Result<Vec<Found>> {
    read::list(at, subject)
}

fn digest(subject: &Reference) -> Result<&str> {
    subject
        .digest()
        .filter(|digest| is_digest(digest))
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "{subject} names no digest; what is signed is named as oci://HOST/NAME@sha256:HEX"
                ),
            )
        })
}

#[cfg(test)]
pub(crate) mod tests;
