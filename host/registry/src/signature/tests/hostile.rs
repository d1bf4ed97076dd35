//! Registries that say what is not so.

use serde_json::json;

use super::super::*;
use super::{Memory, cosign, key, plugin, signed_by};
use crate::text::digest_of as sha256;

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
        twice(
            r#""docker-manifest-digest""#,
            r#""until":"May","docker-manifest-digest""#,
        ),
        twice(
            r#""docker-reference""#,
            r#""until":"May","docker-reference""#,
        ),
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

    // The right blob, by another digest.
    let mut layer = manifest::signed_layer(payload.as_bytes(), &signature);
    layer["digest"] = sha256(b"").into();
    let at = Memory::default();
    at.blobs
        .borrow_mut()
        .insert(sha256(b""), payload.clone().into_bytes());
    let manifest = json!({"layers": [layer]}).to_string();
    at.referrers.borrow_mut().push(manifest.into_bytes());
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
