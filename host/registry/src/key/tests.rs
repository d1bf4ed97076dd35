use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Made with openssl, Python's scrypt and libsodium's secretbox; the password
/// is `correct horse`.
const SEALED: &str = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJFV3l2OHJZZ1dNY2JVRnJ2RkNub1VBQW5xZHBtUFM3
cHBnZmVuSi9iRGRRPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiI4amplZjIremtoRDhIRkNOczRiSUh2aWQ1dC9nSWhCWCJ9LCJj
aXBoZXJ0ZXh0IjoiZXl5VTVqR0ZQSERCZVFxUzAwVHhpSzIxTFpYZHdueUdUMGVX
UWEvUW9DR1NETVNRbWlyRTVzMUhQVGRhUXdYL0lIN3JUT3U3dHdSMk54TVg3aFpE
dzVSVzZOVkpsczFpUit2b3FKNitJUXdEZ01yQVBSVGlBSU4xV1ZvRVY3cUUzN3M0
eDZZbytLQ2JKZ1VnVjZDVEpzUjFXOVN1Ui9IYjBTZUlwcDdDbG90b2Yxa2RrRHVX
ZGhoYUpqSUtpS3J0MEpHc2xOQ21MaFRNZGc9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
";

/// The same key, as cosign had it at first; the password is empty.
const SEALED_OLD: &str = "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjozMjc2OCwiciI6
OCwicCI6MX0sInNhbHQiOiJKcEQzRnVKaXpOYUJqY1dLd2dxMm4waWo1WkkzMzdD
NVVjSUdQMmU3UDR3PSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiI1SWNZM2lDNUdIYkVHdmVzVVVKMmlVMFRKUEM4a0thbiJ9LCJj
aXBoZXJ0ZXh0IjoiUW9ocHA1S1FWaTdtOHpnSWU5QlNUQ2dvS0Z1WkhxaHBLdVZQ
bmJOZU9LQTRldEJIbVpERXNSM2ZyeGZBcjM2ZnVzaXZsMkVWcnJZM3hBaHJmTnJJ
UTdQUVVyeGVLV1F6ZlhKeGxMby9aRFdTUENOMWxYVUxybFFQNHpmVVFOZ3NIOE50
ME1DZjI5VGRNaVI4bmJYaFEvUHRqa0VhRGx2OEZwK2RCQmVDZlo4Vkd4dEJTUzFr
OXM2YlZ5MzFBcmIwSWtMZXVaMXFkOHhGK2c9PSJ9
-----END ENCRYPTED COSIGN PRIVATE KEY-----
";

/// The public key of both.
const PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZ6uVDKJzQXJ0a5I7ve7HkMOv11nr
tStZ34rn3g02ErSHIxfbpRQdZnW76CFWMF9jWDMc9JMU676+NMZaXZcxuA==
-----END PUBLIC KEY-----
";

fn message<T>(result: Result<T>) -> String {
    let error = result.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error.to_string()
}

#[test]
fn a_key_goes_through_its_file() {
    let key = PrivateKey::generate().unwrap();
    let pem = key.to_pem("pässword").unwrap();
    assert!(PrivateKey::is_encrypted(&pem));
    assert!(pem.lines().all(|line| line.len() <= 64));
    let again = PrivateKey::from_pem(&pem, "pässword").unwrap();
    assert_eq!(again.public(), key.public());
    assert!(message(PrivateKey::from_pem(&pem, "password")).contains("wrong password"));
    // No two files are alike.
    assert_ne!(pem, key.to_pem("pässword").unwrap());

    let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
    assert_eq!(public, key.public());
    assert!(public.verify(b"text", &again.sign(b"text")));
    assert!(!public.verify(b"Text", &again.sign(b"text")));
    assert!(!format!("{key:?}").contains("secret"));
}

#[test]
fn keys_made_elsewhere_are_read() {
    let public = PublicKey::from_pem(PUBLIC_PEM).unwrap();
    assert_eq!(
        public.fingerprint(),
        "sha256:7728b492302625d535292a70274d4f34093bbd48461fc69fbbc49b33c16cc857"
    );
    assert_eq!(public.to_pem(), PUBLIC_PEM);
    for (pem, password) in [(SEALED, "correct horse"), (SEALED_OLD, "")] {
        let key = PrivateKey::from_pem(pem, password).unwrap();
        assert_eq!(key.public(), public);
        assert!(message(PrivateKey::from_pem(pem, "other")).contains("wrong password"));
    }
    let windows = PUBLIC_PEM.replace('\n', "\r\n");
    let told = format!("Public-Key: (256 bit)\n\n  {PUBLIC_PEM}\n");
    for pem in [windows, told] {
        assert_eq!(PublicKey::from_pem(&pem).unwrap(), public);
    }
}

#[test]
fn what_is_no_key_says_so() {
    let key = PrivateKey::from_pem(SEALED_OLD, "").unwrap();
    let plain = pem(PKCS8, key.0.to_pkcs8_der().unwrap().as_bytes());
    assert!(!PrivateKey::is_encrypted(&plain));
    assert_eq!(
        PrivateKey::from_pem(&plain, "ignored").unwrap().public(),
        key.public()
    );

    let cut = &SEALED[..SEALED.len() / 2];
    let two = format!("{PUBLIC_PEM}{PUBLIC_PEM}");
    let huge = format!("{}{PUBLIC_PEM}", " ".repeat(FILE_LIMIT));
    let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    for (pem, says) in [
        ("", "no key"),
        (cut, "no key"),
        (SEALED, "private key"),
        (plain.as_str(), "private key"),
        (two.as_str(), "several keys"),
        (huge.as_str(), "larger"),
        (ed25519, "another kind"),
        (
            "-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----",
            "damaged",
        ),
        (
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
            "openssl",
        ),
    ] {
        let said = message(PublicKey::from_pem(pem));
        assert!(said.contains(says), "{said}");
    }
    assert!(message(PrivateKey::from_pem(PUBLIC_PEM, "")).contains("public key"));
    for label in ["RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        assert!(message(PrivateKey::from_pem(&pem(label, b"x"), "")).contains("openssl"));
    }
}

/// A file says how much memory its password takes; it may not take it all.
#[test]
fn hostile_key_files_cost_nothing() {
    let (_, sealed) = block(SEALED_OLD).unwrap();
    let sealed: Value = serde_json::from_slice(&sealed).unwrap();
    for (place, value) in [
        ("/kdf/params/N", json!(1u64 << 40)),
        ("/kdf/params/N", json!(1 << 19)),
        ("/kdf/params/N", json!(0)),
        ("/kdf/params/N", json!(1)),
        ("/kdf/params/N", json!(65_535)),
        ("/kdf/params/N", json!(-1)),
        ("/kdf/params/r", json!(1 << 20)),
        ("/kdf/params/r", json!(0)),
        ("/kdf/params/p", json!(1 << 20)),
        ("/kdf/params/p", json!(0)),
        ("/kdf/name", json!("argon2")),
        ("/kdf/salt", json!("!")),
        ("/cipher/name", json!("none")),
        ("/cipher/nonce", json!("AAAA")),
        ("/cipher", json!(null)),
        ("/ciphertext", json!("AAA")),
        ("/ciphertext", json!("")),
    ] {
        let mut sealed = sealed.clone();
        *sealed.pointer_mut(place).unwrap() = value;
        let pem = pem(COSIGN, sealed.to_string().as_bytes());
        message(PrivateKey::from_pem(&pem, ""));
    }
}

#[test]
fn only_der_of_two_numbers_is_a_signature() {
    let key = PrivateKey::generate().unwrap();
    let public = key.public();
    let good = key.sign(b"m");
    let der = BASE64.decode(&good).unwrap();
    assert!(public.verify(b"m", &good));

    // (r, n - s) is what Go or openssl might have made.
    let signature = p256::ecdsa::Signature::from_der(&der).unwrap();
    let (r, s) = (signature.r(), signature.s());
    let mirror = p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    assert!(public.verify(b"m", &BASE64.encode(mirror.to_der().as_bytes())));

    let zero = p256::FieldBytes::default();
    let wide = |byte: u8| {
        let mut der = vec![0x30, 0x46, 0x02, 0x21, 0x00];
        der.extend([byte; 32]);
        der.extend([0x02, 0x21, 0x00]);
        der.extend([byte; 32]);
        der
    };
    let mut long = der.clone();
    long.push(0);
    let mut indefinite = der.clone();
    indefinite[1] = 0x80;
    for bytes in [
        vec![],
        vec![0x30, 0x00],
        vec![0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00],
        vec![0x30, 0x06, 0x02, 0x01, 0x81, 0x02, 0x01, 0x81],
        wide(0xff),
        wide(0x00),
        long,
        indefinite,
        signature.to_bytes().to_vec(),
        zero.to_vec(),
        vec![0x30; 96],
        vec![0x30; 1 << 20],
    ] {
        assert!(!public.verify(b"m", &BASE64.encode(&bytes)), "{bytes:?}");
    }
    for text in [
        good.trim_end_matches('=').to_owned() + "\n",
        format!(" {good}"),
        format!("{good}\0"),
        good.replace('+', "-").replace('/', "_") + "_",
        "ä".into(),
        String::new(),
    ] {
        assert!(!public.verify(b"m", &text), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_flipped_bit_verifies(text in proptest::collection::vec(any::<u8>(), 1..200), place: prop::sample::Index, bit in 0..8u8) {
        let key = PrivateKey::from_der(
            &BASE64.decode(block_of_test_key()).unwrap()
        ).unwrap();
        let public = key.public();
        let signature = key.sign(&text);
        prop_assert!(public.verify(&text, &signature));

        let mut other = text.clone();
        other[place.index(text.len())] ^= 1 << bit;
        prop_assert!(!public.verify(&other, &signature));

        let mut der = BASE64.decode(&signature).unwrap();
        let at = place.index(der.len());
        der[at] ^= 1 << bit;
        prop_assert!(!public.verify(&text, &BASE64.encode(der)));

        let mut letters = signature.clone().into_bytes();
        let at = place.index(letters.len());
        letters[at] ^= 1 << bit;
        if let Ok(letters) = String::from_utf8(letters) {
            prop_assert!(!public.verify(&text, &letters));
        }
    }

    #[test]
    fn no_file_makes_it_panic(text in "(-----BEGIN (ENCRYPTED SIGSTORE )?(PRIVATE|PUBLIC) KEY-----)?\\PC{0,200}(-----END PRIVATE KEY-----)?") {
        let _ = PrivateKey::from_pem(&text, "");
        let _ = PublicKey::from_pem(&text);
    }
}

/// One key for all the cases.
fn block_of_test_key() -> String {
    static KEY: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let key = PrivateKey::generate().unwrap();
        BASE64.encode(key.0.to_pkcs8_der().unwrap().as_bytes())
    });
    KEY.clone()
}
