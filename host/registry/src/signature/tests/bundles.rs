//! Sigstore's bundles.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};

use super::super::*;
use super::{Memory, key, plugin, signed_by};
use crate::key::sha256;

pub(super) fn statement(digest: &str) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.strip_prefix("sha256:").unwrap()}}],
        "predicateType": "https://sigstore.dev/cosign/sign/v1",
        "predicate": {},
    })
}

pub(super) fn envelope(statement: &[u8], key: &PrivateKey) -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": BASE64.encode(statement),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": key.sign(&bundle::authenticated(statement)), "keyid": "x"}],
        },
    })
}

#[test]
fn what_dsse_signs_is_as_its_specification_has_it() {
    assert_eq!(
        bundle::authenticated(b"hello"),
        b"DSSEv1 28 application/vnd.in-toto+json 5 hello"
    );
}

#[test]
fn bundles_are_verified() {
    let (key, other) = (key(), key());
    let subject = plugin();
    let good = envelope(
        statement(subject.digest().unwrap()).to_string().as_bytes(),
        &key,
    );
    let at = Memory::default();
    at.refer(&good);
    assert!(signed_by(&at, &key));
    assert!(!signed_by(&at, &other));
    assert_eq!(
        list(&at, &subject).unwrap(),
        [Found {
            format: Format::Bundle,
            made: None,
            of_this: true
        }]
    );

    // What is signed and is no consent.
    let elsewhere = statement(&sha256(b"other"));
    let mut provenance = statement(subject.digest().unwrap());
    provenance["predicateType"] = "https://slsa.dev/provenance/v1".into();
    let mut no_type = statement(subject.digest().unwrap());
    no_type["_type"] = "https://example/".into();
    let mut none = statement(subject.digest().unwrap());
    none["subject"] = json!([]);
    let twice = statement(subject.digest().unwrap()).to_string().replacen(
        '{',
        r#"{"predicateType":"x","#,
        1,
    );
    for statement in [
        elsewhere.to_string(),
        provenance.to_string(),
        no_type.to_string(),
        none.to_string(),
        twice,
    ] {
        let at = Memory::default();
        at.refer(&envelope(statement.as_bytes(), &key));
        assert!(!signed_by(&at, &key), "{statement}");
    }

    // What was changed after it was signed.
    let changed = |place: &str, value: Value| {
        let mut bundle = good.clone();
        *bundle.pointer_mut(place).unwrap() = value;
        bundle
    };
    let raw = key.sign(statement(subject.digest().unwrap()).to_string().as_bytes());
    let sig = good["dsseEnvelope"]["signatures"][0].clone();
    for bundle in [
        changed("/dsseEnvelope/signatures/0/sig", raw.into()),
        changed("/dsseEnvelope/signatures", json!([])),
        changed("/dsseEnvelope/signatures", json!([sig, sig])),
        changed("/dsseEnvelope/payloadType", "text/plain".into()),
        changed("/dsseEnvelope/payload", "!".into()),
        changed(
            "/mediaType",
            "application/vnd.dev.sigstore.bundle.v9+json".into(),
        ),
        changed("/verificationMaterial", json!({})),
        changed(
            "/verificationMaterial",
            json!({"certificate": {}, "publicKey": {}}),
        ),
        changed("/verificationMaterial", json!({"x509CertificateChain": {}})),
    ] {
        let at = Memory::default();
        at.refer(&bundle);
        assert!(!signed_by(&at, &key), "{bundle}");
    }
    let at = Memory::default();
    at.refer(&changed(
        "/verificationMaterial",
        json!({"certificate": {"rawBytes": ""}}),
    ));
    assert_eq!(list(&at, &subject).unwrap()[0].format, Format::Certificate);
    assert_eq!(examine(&at, &subject, &[key.public()]).unwrap().unread, 1);

    // Attestations are not even fetched where the manifest names them.
    let at = Memory::default();
    at.refer(&good);
    let manifest = String::from_utf8(at.referrers.borrow()[0].clone()).unwrap();
    *at.referrers.borrow_mut() = vec![manifest.replacen('{',
        r#"{"annotations":{"dev.sigstore.bundle.predicateType":"https://slsa.dev/provenance/v1"},"#, 1).into_bytes()];
    assert!(!signed_by(&at, &key));
    assert_eq!(*at.asked.borrow(), 0);
}

#[test]
fn messages_are_verified() {
    let key = key();
    let message = |text: &[u8], signed: &[u8]| {
        use sha2::Digest as _;
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.3",
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": BASE64.encode(sha2::Sha256::digest(text))},
                "signature": key.sign(signed),
            },
        })
    };
    for (text, signed, fits) in [
        (b"a manifest".as_slice(), b"a manifest".as_slice(), true),
        (b"another", b"another", false),
        (b"a manifest", b"another", false),
    ] {
        let at = Memory::default();
        at.refer(&message(text, signed));
        assert_eq!(signed_by(&at, &key), fits);
    }
    let mut both = message(b"a manifest", b"a manifest");
    let statement = statement(plugin().digest().unwrap()).to_string();
    both["dsseEnvelope"] = envelope(statement.as_bytes(), &key)["dsseEnvelope"].clone();
    let at = Memory::default();
    at.refer(&both);
    assert!(!signed_by(&at, &key));
}
