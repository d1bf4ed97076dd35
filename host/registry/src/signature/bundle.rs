//! Sigstore's bundles, of which cosign 3 hangs one on the image for each
//! signature.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// Of layers, and of the bundle in them.
pub(super) const MEDIA_TYPES: [&str; 2] = [
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
];

/// What the statement says of its subject. Another one, of where it was built
/// or of which holes it has, is no consent to run it.
pub(super) const PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENTS: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    message_signature: Option<Message>,
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Option<IgnoredAny>,
    certificate: Option<IgnoredAny>,
    x509_certificate_chain: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_digest: MessageDigest,
    signature: String,
}

#[derive(Deserialize)]
struct MessageDigest {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    sig: String,
}

#[derive(Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct Subject {
    digest: BTreeMap<String, String>,
}

/// What a bundle holds.
pub(super) enum Content {
    /// Its signature is for a certificate to verify.
    Certificate,
    /// Signed are these bytes, which name those digests (`sha256:HEX`).
    Statement {
        signed: Vec<u8>,
        digests: Vec<String>,
        signature: String,
    },
    /// Signed is what has this digest.
    Message { digest: [u8; 32], signature: String },
}

/// `None` when it cannot be read, or is about something else than consent.
pub(super) fn read(bytes: &[u8]) -> Option<Content> {
    let bundle: Bundle = serde_json::from_slice(bytes).ok()?;
    if !MEDIA_TYPES.contains(&bundle.media_type.as_str()) {
        return None;
    }
    let material = bundle.verification_material;
    if material.certificate.is_some() || material.x509_certificate_chain.is_some() {
        return Some(Content::Certificate);
    }
    material.public_key?;
    match (bundle.message_signature, bundle.dsse_envelope) {
        (Some(message), None) => {
            let digest = BASE64.decode(&message.message_digest.digest).ok()?;
            (message.message_digest.algorithm == "SHA2_256").then_some(())?;
            Some(Content::Message {
                digest: digest.try_into().ok()?,
                signature: message.signature,
            })
        }
        (None, Some(envelope)) => statement(envelope),
        _ => None,
    }
}

fn statement(envelope: Envelope) -> Option<Content> {
    if envelope.payload_type != IN_TOTO {
        return None;
    }
    // One, as sigstore's specification has it.
    let [signature] = <[Signature; 1]>::try_from(envelope.signatures).ok()?;
    let payload = BASE64.decode(&envelope.payload).ok()?;
    let statement: Statement = serde_json::from_slice(&payload).ok()?;
    if !STATEMENTS.contains(&statement.kind.as_str()) || statement.predicate_type != PREDICATE {
        return None;
    }
    let digests = statement
        .subject
        .into_iter()
        .filter_map(|mut subject| subject.digest.remove("sha256"))
        .map(|hex| format!("sha256:{hex}"))
        .collect();
    Some(Content::Statement {
        signed: authenticated(&payload),
        digests,
        signature: signature.sig,
    })
}

/// What DSSE signs: the payload with its type and both their lengths.
pub(super) fn authenticated(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {IN_TOTO} {} ", IN_TOTO.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}
