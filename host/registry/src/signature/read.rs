//! Reads the signatures on a manifest. A registry may say anything: the work is
//! bounded, and what cannot be read is passed over, for it verifies nothing.

use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;

use serde_json::Value;

use super::manifest::{Layer, Manifest, SIGNATURE, signed_layer};
use super::payload::{self, Payload};
use super::{bundle, digest};
use crate::key::{PublicKey, der_signature, sha256};
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
                    Ok(blob) if blob.len() <= limit && sha256(&blob) == layer.digest => {
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
            made: payload.seconds().and_then(rfc3339).or(created(manifest)),
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
            let named = digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>();
            let of_this = of.strip_prefix("sha256:") == Some(&named);
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

/// Seconds since 1970 as a date, up to the year 9999.
fn rfc3339(seconds: i64) -> Option<String> {
    if !(0..253_402_300_800).contains(&seconds) {
        return None;
    }
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March, so that leap days come last; 400 of them have
    // 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + carry;
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn seconds_are_dates() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds).as_deref(), Some(date));
        }
        assert_eq!(rfc3339(-1), None);
        assert_eq!(rfc3339(i64::MAX), None);
    }
}
