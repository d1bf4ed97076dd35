use std::cell::RefCell;
use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::bundles::{envelope, statement};
use super::*;
use crate::key::sha256;

mod bundles;
mod files;

/// A registry in memory. What it says need not be so.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) signatures: RefCell<Option<Vec<u8>>>,
    pub(crate) referrers: RefCell<Vec<Vec<u8>>>,
    pub(crate) blobs: RefCell<HashMap<String, Vec<u8>>>,
    /// How often a blob was asked for.
    pub(crate) asked: RefCell<usize>,
    /// What every call fails with.
    pub(crate) broken: Option<ErrorKind>,
}

impl Memory {
    fn up(&self) -> Result<()> {
        match self.broken {
            Some(kind) => Err(Error::new(kind, "it is broken")),
            None => Ok(()),
        }
    }

    pub(crate) fn put(&self, blob: impl Into<Vec<u8>>) -> (String, usize) {
        let blob = blob.into();
        let named = (sha256(&blob), blob.len());
        self.blobs.borrow_mut().insert(named.0.clone(), blob);
        named
    }

    /// A bundle that refers to the plugin.
    fn refer(&self, bundle: &Value) {
        let (digest, size) = self.put(bundle.to_string());
        let manifest = json!({
            "schemaVersion": 2,
            "artifactType": bundle["mediaType"],
            "layers": [{"mediaType": bundle["mediaType"], "digest": digest, "size": size}],
        });
        self.referrers
            .borrow_mut()
            .push(manifest.to_string().into_bytes());
    }

    /// A signature of this payload.
    fn hang(&self, payload: impl Into<Vec<u8>>, signature: &str) {
        let payload = payload.into();
        let layer = manifest::signed_layer(&payload, signature);
        self.put(payload);
        let manifest = json!({"schemaVersion": 2, "layers": [layer]});
        self.referrers
            .borrow_mut()
            .push(manifest.to_string().into_bytes());
    }
}

impl Attachments for Memory {
    fn manifests(&self, _: &Reference) -> Result<Vec<Vec<u8>>> {
        self.up()?;
        let mut all: Vec<_> = self.signatures.borrow().iter().cloned().collect();
        all.extend(self.referrers.borrow().iter().cloned());
        Ok(all)
    }

    fn blob(&self, _: &Reference, digest: &str, limit: usize) -> Result<Vec<u8>> {
        self.up()?;
        *self.asked.borrow_mut() += 1;
        let blobs = self.blobs.borrow();
        let blob = blobs
            .get(digest)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "no such blob"))?;
        assert!(limit <= 1 << 20);
        Ok(blob.clone())
    }

    fn signatures(&self, _: &Reference) -> Result<Option<Vec<u8>>> {
        self.up()?;
        Ok(self.signatures.borrow().clone())
    }

    fn put_signatures(&self, _: &Reference, manifest: &[u8], blobs: &[Vec<u8>]) -> Result<()> {
        self.up()?;
        for blob in blobs {
            self.put(blob.as_slice());
        }
        *self.signatures.borrow_mut() = Some(manifest.to_vec());
        Ok(())
    }
}

pub(crate) fn plugin() -> Reference {
    let digest = sha256(b"a manifest");
    format!("registry.example/team/slug@{digest}")
        .parse()
        .unwrap()
}

pub(crate) fn key() -> PrivateKey {
    PrivateKey::generate().unwrap()
}

fn cosign(digest: &str) -> String {
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"registry.example/team/slug"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    )
}

fn signed_by(at: &Memory, key: &PrivateKey) -> bool {
    verify(at, &plugin(), &[key.public()]).unwrap().is_some()
}

#[test]
fn what_is_signed_is_verified() {
    let (at, one, two, three) = (Memory::default(), key(), key(), key());
    let keys = [one.public(), two.public()];
    assert_eq!(verify(&at, &plugin(), &keys).unwrap(), None);
    sign(&at, &plugin(), &two).unwrap();
    assert_eq!(verify(&at, &plugin(), &keys).unwrap(), Some(two.public()));
    let before = at.signatures.borrow().clone();
    sign(&at, &plugin(), &two).unwrap();
    assert_eq!(*at.signatures.borrow(), before);
    sign(&at, &plugin(), &one).unwrap();
    for key in [&one, &two] {
        assert!(signed_by(&at, key));
    }
    assert!(!signed_by(&at, &three));
    assert_eq!(verify(&at, &plugin(), &[]).unwrap(), None);

    // Another digest in the same place.
    let other = plugin().at(&sha256(b"another manifest"));
    assert_eq!(verify(&at, &other, &keys).unwrap(), None);
    // A mirror.
    let mirror = format!("mirror.example/x@{}", plugin().digest().unwrap());
    let mirror: Reference = mirror.parse().unwrap();
    assert!(verify(&at, &mirror, &keys).unwrap().is_some());
    // By tag, it is not known what is asked about.
    let tagged = plugin().tagged("latest");
    for result in [
        sign(&at, &tagged, &one),
        verify(&at, &tagged, &keys).map(drop),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn the_manifest_is_such_as_cosign_writes() {
    let (at, key) = (Memory::default(), key());
    sign(&at, &plugin(), &key).unwrap();
    sign(&at, &plugin(), &self::key()).unwrap();
    let manifest: Value = serde_json::from_slice(at.signatures.borrow().as_ref().unwrap()).unwrap();
    assert_eq!(manifest["schemaVersion"], 2);
    assert_eq!(
        manifest["mediaType"],
        "application/vnd.oci.image.manifest.v1+json"
    );
    let config = &manifest["config"];
    assert_eq!(
        config["mediaType"],
        "application/vnd.oci.image.config.v1+json"
    );
    let blobs = at.blobs.borrow();
    let blob = &blobs[config["digest"].as_str().unwrap()];
    assert_eq!(config["size"], blob.len());
    let config: Value = serde_json::from_slice(blob).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 2);
    assert_eq!(config["history"].as_array().unwrap().len(), 2);
    for (layer, diff_id) in layers
        .iter()
        .zip(config["rootfs"]["diff_ids"].as_array().unwrap())
    {
        assert_eq!(layer["digest"], *diff_id);
        let payload = &blobs[diff_id.as_str().unwrap()];
        assert_eq!(layer["size"], payload.len());
        assert_eq!(
            String::from_utf8_lossy(payload),
            cosign(plugin().digest().unwrap())
        );
    }
    assert!(
        key.public().verify(
            cosign(plugin().digest().unwrap()).as_bytes(),
            layers[0]["annotations"]["dev.cosignproject.cosign/signature"]
                .as_str()
                .unwrap()
        )
    );
}

#[test]
fn what_is_under_the_tag_already_stays() {
    let key = key();
    let docker = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": sha256(b"{}")},
        "layers": [{"mediaType": "x/y", "size": 1, "digest": sha256(b"1"), "extra": [1]}],
        "annotations": {"kept": "yes"},
    });
    let at = Memory::default();
    *at.signatures.borrow_mut() = Some(docker.to_string().into_bytes());
    sign(&at, &plugin(), &key).unwrap();
    assert!(signed_by(&at, &key));
    let manifest: Value = serde_json::from_slice(at.signatures.borrow().as_ref().unwrap()).unwrap();
    assert_eq!(manifest["layers"][0], docker["layers"][0]);
    assert_eq!(manifest["mediaType"], docker["mediaType"]);
    assert_eq!(manifest["annotations"], docker["annotations"]);
    assert_eq!(
        manifest["config"]["mediaType"],
        docker["config"]["mediaType"]
    );

    for other in [
        "",
        "[]",
        "{}",
        "{",
        r#"{"layers":{}}"#,
        r#"{"manifests":[],"layers":[]}"#,
        r#"{"mediaType":"application/vnd.oci.image.index.v1+json","layers":[]}"#,
    ] {
        *at.signatures.borrow_mut() = Some(other.into());
        let error = sign(&at, &plugin(), &key).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Artifact, "{other}");
        assert_eq!(at.signatures.borrow().as_deref(), Some(other.as_bytes()));
    }
    let full = json!({"layers": vec![json!({"digest": "x"}); 1000]});
    *at.signatures.borrow_mut() = Some(full.to_string().into_bytes());
    let error = sign(&at, &plugin(), &key).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

/// Each is signed by the right key, and says something else.
#[test]
fn other_payloads_are_no_consent() {
    let key = key();
    let digest = plugin().digest().unwrap().to_owned();
    let good = cosign(&digest);
    let twice = |what: &str, by: &str| good.replacen(what, by, 1);
    let image = format!(r#""image":{{"docker-manifest-digest":"{digest}"}}"#);
    let other = sha256(b"other");
    for payload in [
        cosign(&other),
        cosign(&digest.to_uppercase()),
        cosign(&digest[.."sha256:".len() + 10]),
        cosign(""),
        twice("cosign container", "atomic container"),
        twice(
            &image,
            &format!(r#""image":{{"docker-manifest-digest":"{other}"}},{image}"#),
        ),
        twice(
            &image,
            &format!(
                r#""image":{{"docker-manifest-digest":"{other}","docker-manifest-digest":"{digest}"}}"#
            ),
        ),
        twice(&image, &format!(r#"{image},"unless":"it rains""#)),
        twice("critical", "Critical"),
        twice(r#""optional":null"#, r#""optional":null,"optional":null"#),
        twice(r#""optional":null"#, r#""other":null"#),
        twice("slug", "sl\0ug"),
        format!("\u{feff}{good}"),
        format!("{good}{good}"),
        good[..good.len() - 1].to_owned(),
        String::new(),
        "null".into(),
        "[".repeat(50_000),
    ] {
        let at = Memory::default();
        at.hang(payload.clone(), &key.sign(payload.as_bytes()));
        assert!(!signed_by(&at, &key), "{payload}");
    }
    // Spaces, and what is optional, are as who signs likes them.
    for payload in [
        good.replace(':', " :\n").replace("sha256 :\n", "sha256:"),
        good.replace("null", r#"{"creator":"x","timestamp":1709251200}"#),
        good.replace(r#","optional":null"#, ""),
    ] {
        let at = Memory::default();
        at.hang(payload.clone(), &key.sign(payload.as_bytes()));
        assert!(signed_by(&at, &key), "{payload}");
    }
}

#[test]
fn registries_lie() {
    let (key, other) = (key(), key());
    let payload = cosign(plugin().digest().unwrap());
    let signature = key.sign(payload.as_bytes());
    // Another blob than the digest's.
    let at = Memory::default();
    at.hang(payload.clone(), &signature);
    let forged = cosign(plugin().digest().unwrap()).replace("team", "evil");
    at.hang(forged.clone(), &signature);
    assert!(signed_by(&at, &key));
    at.blobs
        .borrow_mut()
        .insert(sha256(payload.as_bytes()), forged.into_bytes());
    assert!(!signed_by(&at, &key));

    for wrong in [
        "",
        "AAAA",
        "not base64",
        "\0",
        &other.sign(payload.as_bytes()),
        &format!("{signature}\n"),
        &"A".repeat(1 << 20),
    ] {
        let at = Memory::default();
        at.hang(payload.clone(), wrong);
        assert!(!signed_by(&at, &key), "{wrong}");
        // A wrong one before the right one.
        at.hang(payload.clone(), &signature);
        assert!(signed_by(&at, &key));
    }

    // Manifests that are none, before one that is.
    let at = Memory::default();
    for manifest in [
        "",
        "null",
        "[]",
        "{",
        r#"{"layers":null}"#,
        r#"{"layers":[{}]}"#,
        r#"{"layers":[],"layers":[]}"#,
        "\u{0}",
    ] {
        at.referrers.borrow_mut().push(manifest.into());
    }
    at.referrers
        .borrow_mut()
        .push("[".repeat(1 << 20).into_bytes());
    at.hang(payload, &signature);
    assert!(signed_by(&at, &key));
}

#[test]
fn ten_thousand_layers_are_bounded_work() {
    let key = key();
    let payload = cosign(plugin().digest().unwrap());
    let good = manifest::signed_layer(payload.as_bytes(), &key.sign(payload.as_bytes()));
    let junk = |number: usize| {
        let mut layer = good.clone();
        layer["digest"] = sha256(&number.to_le_bytes()).into();
        layer
    };
    let at = Memory::default();
    at.put(payload.clone());
    let mut layers: Vec<_> = (0..10_000).map(junk).collect();
    layers.push(good.clone());
    at.referrers
        .borrow_mut()
        .push(json!({"layers": layers}).to_string().into_bytes());
    assert!(!signed_by(&at, &key));
    assert!(*at.asked.borrow() <= read::SIGNATURES);

    // The same payload is asked for once; 100 is not too many.
    let at = Memory::default();
    at.put(payload.clone());
    let mut layers = vec![manifest::signed_layer(payload.as_bytes(), &self::key().sign(b"")); 100];
    layers.push(good.clone());
    at.referrers
        .borrow_mut()
        .push(json!({"layers": layers}).to_string().into_bytes());
    assert!(signed_by(&at, &key));
    assert_eq!(*at.asked.borrow(), 1);

    // What says that it is huge is not asked for, what is so unsaid not read.
    let huge = format!("{payload}{}", " ".repeat(1 << 20));
    for size in [huge.len() as u64, u64::MAX, 10] {
        let at = Memory::default();
        at.hang(huge.clone(), &key.sign(huge.as_bytes()));
        let text = String::from_utf8(at.referrers.borrow()[0].clone()).unwrap();
        let text = text.replace(&huge.len().to_string(), &size.to_string());
        at.referrers.borrow_mut()[0] = text.into_bytes();
        assert!(!signed_by(&at, &key));
        assert_eq!(*at.asked.borrow(), usize::from(size == 10));
    }
}

#[test]
fn trouble_is_told_from_no_signature() {
    let key = key();
    for kind in [
        ErrorKind::Network,
        ErrorKind::Unauthorized,
        ErrorKind::Offline,
    ] {
        let at = Memory {
            broken: Some(kind),
            ..Memory::default()
        };
        let error = verify(&at, &plugin(), &[key.public()]).unwrap_err();
        assert_eq!(error.kind(), kind);
    }
}

#[test]
fn what_can_be_read_is_listed() {
    let (at, key) = (Memory::default(), key());
    assert_eq!(list(&at, &plugin()).unwrap(), []);
    sign(&at, &plugin(), &key).unwrap();
    let payload = cosign(&sha256(b"other")).replace("null", r#"{"timestamp":1709251200}"#);
    at.hang(payload.clone(), &key.sign(payload.as_bytes()));
    at.hang("{}", &key.sign(b"{}"));
    let found = list(&at, &plugin()).unwrap();
    let format = Format::SimpleSigning;
    assert_eq!(
        found,
        [
            Found {
                format,
                made: None,
                of_this: true
            },
            Found {
                format,
                made: Some("2024-03-01T00:00:00Z".into()),
                of_this: false
            },
        ]
    );
    let examined = examine(&at, &plugin(), &[self::key().public()]).unwrap();
    assert_eq!(
        (examined.signatures, examined.elsewhere, examined.unread),
        (2, 1, 1)
    );
}

proptest! {
    /// Of a registry's bytes, none may change.
    #[test]
    fn no_flipped_bit_is_signed(which in 0..3usize, place: prop::sample::Index, bit in 0..8u8) {
        let key = key();
        let digest = plugin().digest().unwrap().to_owned();
        let payload = match which {
            0 => cosign(&digest).into_bytes(),
            _ => statement(&digest).to_string().into_bytes(),
        };
        let mut flipped = payload.clone();
        flipped[place.index(payload.len())] ^= 1 << bit;
        let at = Memory::default();
        match which {
            0 => at.hang(flipped, &key.sign(&payload)),
            1 => {
                let mut bundle = envelope(&payload, &key);
                bundle["dsseEnvelope"]["payload"] = BASE64.encode(flipped).into();
                at.refer(&bundle);
            }
            _ => {
                let mut bundle = envelope(&payload, &key);
                let sig = &mut bundle["dsseEnvelope"]["signatures"][0]["sig"];
                let mut der = BASE64.decode(sig.as_str().unwrap()).unwrap();
                let byte = place.index(der.len());
                der[byte] ^= 1 << bit;
                *sig = BASE64.encode(der).into();
                at.refer(&bundle);
            }
        }
        prop_assert!(!signed_by(&at, &key));
    }

    #[test]
    fn no_bytes_make_it_panic(manifest: Vec<u8>, blob: Vec<u8>) {
        let at = Memory::default();
        at.hang(blob, &key().sign(b""));
        at.referrers.borrow_mut().push(manifest);
        let _ = list(&at, &plugin());
    }
}
