//! Reads the signatures on a manifest. A registry may say anything: the work is
//! bounded, and what cannot be read is passed over, for it verifies nothing.

use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;

use serde_json::Value;

use super::manifest::{Layer, Manifest, SIGNATURE, signed_layer};
use super::payload::{self, Payload};
use super::{bundle, digest};
use crate::key::{PublicKey, der_signature};
use crate::text::{digest_of, hex, rfc3339};
use crate::{Attachments, Error, ErrorKind, Reference, Result};

/// How many signatures are looked at, of however many there are.
pub(super) const SIGNATURES: usize = 128;
/// The most bytes of a payload; cosign's have some 250.
const PAYLOAD_LIMIT: usize = 64 << 10;
/// The most bytes of a bundle; those of a key have some 5,000.
const BUNDLE_LIMIT: usize = 1 << 20;
/// The most bytes of all of them.
const TOTAL_LIMIT: usize = 16 << 20;

/// A signature that can be read. Whether it verifies is another matter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// How it is written down.
    pub format: Format,
    /// When it was made, if it says so: in UTC, as RFC 3339 has it.
    pub made: Option<String>,
    /// Whether it is of this manifest; a signature of another digest is worth
    /// nothing here.
    pub of_this: bool,
}

/// How a signature is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Simple signing, of cosign 1 and 2, of skopeo and of wudf.
    SimpleSigning,
    /// A sigstore bundle, of cosign 3.
    Bundle,
    /// A sigstore bundle with a certificate, which wudf does not verify.
    Certificate,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SimpleSigning => "cosign",
            Self::Bundle => "sigstore bundle",
            Self::Certificate => "sigstore bundle with a certificate",
        })
    }
}

/// What the signatures on a manifest come to, for a verdict and its words.
#[derive(Debug, Default)]
pub(crate) struct Examined {
    /// The key, and what shows it.
    pub(crate) by: Option<(PublicKey, Evidence)>,
    /// How many signatures were read.
    pub(crate) signatures: usize,
    /// How many of them are of another digest.
    pub(crate) elsewhere: usize,
    /// How many could not be read, or are for certificates to verify.
    pub(crate) unread: usize,
}

/// A layer with a signature that was verified.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) layer: Value,
    pub(crate) blob: Vec<u8>,
}

/// One layer, read.
struct Signature {
    found: Found,
    signed: Signed,
    signature: String,
    layer: Value,
    blob: Vec<u8>,
}

enum Signed {
    /// The blob.
    Blob,
    /// Bytes made of the blob.
    Bytes(Vec<u8>),
    /// What has this digest.
    Digest([u8; 32]),
    /// What only a certificate can verify.
    Unknown,
}

/// Looks for a signature by one of the keys.
pub(crate) fn examine(
    at: &impl Attachments,
    subject: &Reference,
    keys: &[PublicKey],
) -> Result<Examined> {
    let mut examined = Examined::default();
    let trouble = each(at, subject, |signature| {
        let Some(signature) = signature else {
            examined.unread += 1;
            return ControlFlow::Continue(());
        };
        if matches!(signature.signed, Signed::Unknown) {
            examined.unread += 1;
            return ControlFlow::Continue(());
        }
        examined.signatures += 1;
        if !signature.found.of_this {
            examined.elsewhere += 1;
            return ControlFlow::Continue(());
        }
        let key = keys.iter().find(|key| match &signature.signed {
            Signed::Blob => key.verify(&signature.blob, &signature.signature),
            Signed::Bytes(bytes) => key.verify(bytes, &signature.signature),
            Signed::Digest(digest) => key.verify_digest(digest, &signature.signature),
            Signed::Unknown => false,
        });
        match key {
            Some(key) => {
                let evidence = Evidence {
                    layer: signature.layer,
                    blob: signature.blob,
                };
                examined.by = Some((key.clone(), evidence));
                ControlFlow::Break(())
            }
            None => ControlFlow::Continue(()),
        }
    })?;
    match (trouble, &examined.by) {
        (Some(trouble), None) => Err(trouble),
        _ => Ok(examined),
    }
}

pub(super) fn list(at: &impl Attachments, subject: &Reference) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    each(at, subject, |signature| {
        all.extend(signature.map(|signature| signature.found));
        ControlFlow::Continue(())
    })?;
    Ok(all)
}

/// Reads one signature after the other, `None` for what cannot be read. What
/// kept a blob from being fetched is returned: it matters if no other counts.
fn each(
    at: &impl Attachments,
    subject: &Reference,
    mut then: impl FnMut(Option<Signature>) -> ControlFlow<()>,
) -> Result<Option<Error>> {
    let of = digest(subject)?;
    let mut trouble = None;
    let mut left = SIGNATURES;
    let mut bytes_left = TOTAL_LIMIT;
    let mut blobs: HashMap<String, Vec<u8>> = HashMap::new();
    for manifest in at.manifests(subject)? {
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&manifest) else {
            continue;
        };
        for layer in &manifest.layers {
            let Some((limit, is_bundle)) = kind(layer, &manifest) else {
                continue;
            };
            let Some(rest) = left.checked_sub(1) else {
                return Ok(trouble);
            };
            left = rest;
            let limit = limit.min(bytes_left);
            let readable =
                layer.size <= limit as u64 && (is_bundle || signature_of(layer).is_some());
            if readable && !blobs.contains_key(&layer.digest) {
                match at.blob(subject, &layer.digest, limit) {
                    Ok(blob) if blob.len() <= limit && digest_of(&blob) == layer.digest => {
                        bytes_left -= blob.len();
                        blobs.insert(layer.digest.clone(), blob);
                    }
                    Ok(_) => {}
                    Err(error) if is_their_fault(error.kind()) => {}
                    Err(error) => trouble = trouble.or(Some(error)),
                }
            }
            let signature = blobs
                .get(&layer.digest)
                .filter(|_| readable)
                .and_then(|blob| {
                    if is_bundle {
                        read_bundle(blob, layer, &manifest, of)
                    } else {
                        read_payload(blob, layer, &manifest, of)
                    }
                });
            if then(signature).is_break() {
                return Ok(trouble);
            }
        }
    }
    Ok(trouble)
}

/// The limit of a layer that is a signature, and whether it is a bundle. Other
/// statements of bundles, where the manifest says so, are not even fetched.
fn kind(layer: &Layer, manifest: &Manifest) -> Option<(usize, bool)> {
    if layer.media_type == payload::MEDIA_TYPE {
        return Some((PAYLOAD_LIMIT, false));
    }
    let predicate = annotation(&manifest.annotations, "dev.sigstore.bundle.predicateType");
    let other = predicate.is_some_and(|predicate| predicate != bundle::PREDICATE);
    (bundle::MEDIA_TYPES.contains(&layer.media_type.as_str()) && !other)
        .then_some((BUNDLE_LIMIT, true))
}

fn read_payload(blob: &[u8], layer: &Layer, manifest: &Manifest, of: &str) -> Option<Signature> {
    let signature = signature_of(layer)?.to_owned();
    let payload = Payload::read(blob)?;
    Some(Signature {
        found: Found {
            format: Format::SimpleSigning,
            made: payload.seconds().map(rfc3339).or(created(manifest)),
            of_this: payload.digest() == of,
        },
        signed: Signed::Blob,
        layer: signed_layer(blob, &signature),
        signature,
        blob: blob.to_vec(),
    })
}

fn read_bundle(blob: &[u8], layer: &Layer, manifest: &Manifest, of: &str) -> Option<Signature> {
    let (format, signed, of_this, signature) = match bundle::read(blob)? {
        // Of what it is, only its certificate could say.
        bundle::Content::Certificate => (Format::Certificate, Signed::Unknown, true, String::new()),
        bundle::Content::Statement {
            signed,
            digests,
            signature,
        } => {
            let of_this = digests.iter().any(|digest| digest == of);
            (Format::Bundle, Signed::Bytes(signed), of_this, signature)
        }
        bundle::Content::Message { digest, signature } => {
            let of_this = of.strip_prefix("sha256:") == Some(&hex(&digest));
            (Format::Bundle, Signed::Digest(digest), of_this, signature)
        }
    };
    Some(Signature {
        found: Found {
            format,
            made: created(manifest),
            of_this,
        },
        signed,
        signature,
        layer: serde_json::json!({
            "mediaType": layer.media_type,
            "size": blob.len(),
            "digest": layer.digest,
        }),
        blob: blob.to_vec(),
    })
}

/// The layer's signature, if it can be one at all.
fn signature_of(layer: &Layer) -> Option<&str> {
    annotation(&layer.annotations, SIGNATURE).filter(|signature| der_signature(signature).is_some())
}

fn annotation<'a>(
    annotations: &'a Option<std::collections::BTreeMap<String, String>>,
    name: &str,
) -> Option<&'a str> {
    annotations.as_ref()?.get(name).map(String::as_str)
}

/// As the manifest has it, if that is a time.
fn created(manifest: &Manifest) -> Option<String> {
    annotation(&manifest.annotations, "org.opencontainers.image.created")
        .filter(|text| {
            text.len() <= 40
                && text
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b"-:.+TZ".contains(&b))
        })
        .map(str::to_owned)
}

/// Whether the registry answered, with what is no signature.
fn is_their_fault(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound | ErrorKind::Artifact | ErrorKind::Digest | ErrorKind::TooLarge
    )
}
