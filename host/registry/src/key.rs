//! Keys as cosign has them: ECDSA on P-256 with SHA-256; the private one in a
//! file that only its password opens.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use crypto_secretbox::aead::{Aead, KeyInit};
use crypto_secretbox::{Nonce, XSalsa20Poly1305};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate;
use p256::elliptic_curve::zeroize::Zeroizing;
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, ErrorKind, Result};

/// The most bytes of a key's file.
pub(crate) const FILE_LIMIT: usize = 64 << 10;

const SIGSTORE: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
const COSIGN: &str = "ENCRYPTED COSIGN PRIVATE KEY";
const PKCS8: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// What cosign writes: 64 MiB of memory for each password that is tried.
const LOG_N: u8 = 16;
/// A file may ask for at most four times that.
const LOG_N_LIMIT: u32 = 18;
const R: u32 = 8;
const P: u32 = 1;

/// A key that signs.
pub struct PrivateKey(SigningKey);

/// A key that signatures are verified with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey(VerifyingKey);

/// What stands in the PEM of an encrypted key.
#[derive(Serialize, Deserialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the system has no random numbers.
    pub fn generate() -> Result<Self> {
        SigningKey::try_generate().map(Self).map_err(no_randomness)
    }

    /// A file as `cosign generate-key-pair` writes it, which only the password
    /// opens. The password may be empty.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the system has no random numbers.
    pub fn to_pem(&self, password: &str) -> Result<String> {
        let salt = <[u8; 32]>::try_generate().map_err(no_randomness)?;
        let nonce = <[u8; 24]>::try_generate().map_err(no_randomness)?;
        let der = self.0.to_pkcs8_der().map_err(|_| cannot("be written"))?;
        let ciphertext = secretbox(password, &salt, LOG_N)?
            .encrypt(Nonce::from_slice(&nonce), der.as_bytes())
            .map_err(|_| cannot("be encrypted"))?;
        let sealed = Sealed {
            kdf: Kdf {
                name: "scrypt".into(),
                params: Params {
                    n: 1 << LOG_N,
                    r: R,
                    p: P,
                },
                salt: BASE64.encode(salt),
            },
            cipher: Cipher {
                name: "nacl/secretbox".into(),
                nonce: BASE64.encode(nonce),
            },
            ciphertext: BASE64.encode(ciphertext),
        };
        let json = serde_json::to_vec(&sealed).map_err(|_| cannot("be written"))?;
        Ok(pem(SIGSTORE, &json))
    }

    /// A key of cosign, or a bare PKCS #8 one of P-256, which takes no
    /// password.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for another password than the key's, and for what
    /// is no key.
    pub fn from_pem(pem: &str, password: &str) -> Result<Self> {
        let (label, content) = block(pem)?;
        let content = Zeroizing::new(content);
        match label {
            SIGSTORE | COSIGN => Self::from_der(&unseal(&content, password)?),
            PKCS8 => Self::from_der(&content),
            "EC PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "RSA PRIVATE KEY" => Err(invalid(
                "this is a private key, but not in a form that wudf reads; `openssl pkcs8 -topk8 -nocrypt -in KEY` makes a PKCS #8 key of an ECDSA P-256 one",
            )),
            PUBLIC => Err(invalid(
                "this is a public key; to sign, name the private one",
            )),
            _ => Err(invalid(NO_KEY)),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self> {
        SigningKey::from_pkcs8_der(der)
            .map(Self)
            .map_err(|_| invalid(OTHER_KIND))
    }

    /// Whether a password opens this file.
    pub fn is_encrypted(pem: &str) -> bool {
        block(pem).is_ok_and(|(label, _)| matches!(label, SIGSTORE | COSIGN))
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// The signature of a message: base64 of the DER, as `cosign sign-blob`
    /// has it. The same message has the same signature each time (RFC 6979).
    pub fn sign(&self, message: &[u8]) -> String {
        let signature: DerSignature = self.0.sign(message);
        BASE64.encode(signature.as_bytes())
    }
}

/// Names the key and does not show it.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrivateKey")
            .field(&self.public().fingerprint())
            .finish()
    }
}

impl PublicKey {
    /// Reads a `PUBLIC KEY` of P-256, such as `cosign.pub`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is none.
    pub fn from_pem(pem: &str) -> Result<Self> {
        match block(pem)? {
            (PUBLIC, der) => VerifyingKey::from_public_key_der(&der)
                .map(Self)
                .map_err(|_| invalid(OTHER_KIND)),
            (label, _) if label.ends_with(PKCS8) => Err(invalid(
                "this is a private key; here stands the public one (*.pub)",
            )),
            ("CERTIFICATE", _) => Err(invalid(
                "this is a certificate; `openssl x509 -pubkey -noout -in FILE` gives its public key",
            )),
            _ => Err(invalid(NO_KEY)),
        }
    }

    /// The key as cosign and openssl read it.
    pub fn to_pem(&self) -> String {
        pem(PUBLIC, &self.der())
    }

    /// What names the key in messages: `sha256:HEX`, of the DER of its
    /// `SubjectPublicKeyInfo`.
    pub fn fingerprint(&self) -> String {
        sha256(&self.der())
    }

    /// Whether this key made the signature of the message.
    pub fn verify(&self, message: &[u8], base64_signature: &str) -> bool {
        self.verify_digest(&Sha256::digest(message).into(), base64_signature)
    }

    /// The same, for a message of this SHA-256.
    ///
    /// A signature and its mirror (n - s) both count, since Go and openssl make
    /// either; nothing here takes a signature for the name of something.
    pub(crate) fn verify_digest(&self, digest: &[u8; 32], base64_signature: &str) -> bool {
        der_signature(base64_signature)
            .is_some_and(|signature| self.0.verify_prehash(digest, &signature).is_ok())
    }

    fn der(&self) -> Vec<u8> {
        // A point of the curve can always be written.
        self.0
            .to_public_key_der()
            .map(|der| der.as_bytes().to_vec())
            .unwrap_or_default()
    }
}

/// A signature in base64, of any key.
pub(crate) fn der_signature(base64: &str) -> Option<DerSignature> {
    // 72 bytes at most.
    if base64.len() > 128 {
        return None;
    }
    DerSignature::try_from(BASE64.decode(base64).ok()?.as_slice()).ok()
}

/// `sha256:HEX` of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let hex = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    format!("sha256:{hex}")
}

const NO_KEY: &str =
    "this is no key: a key's file begins with -----BEGIN, and `wudf key new` makes one";
const OTHER_KIND: &str = "this key is of another kind: wudf takes ECDSA P-256 keys, as `wudf key new` and `cosign generate-key-pair` make them";

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

fn cannot(what: &str) -> Error {
    invalid(&format!("this key cannot {what}"))
}

fn no_randomness(error: impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::Io,
        format!("the system gives no random numbers: {error}"),
    )
}

/// The DER of a private key, out of what a password protects.
fn unseal(json: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>> {
    let broken =
        || invalid("this private key's file is damaged: what it holds is not what cosign writes");
    let sealed: Sealed = serde_json::from_slice(json).map_err(|_| broken())?;
    let decode = |text: &str| BASE64.decode(text).map_err(|_| broken());
    if sealed.kdf.name != "scrypt" || sealed.cipher.name != "nacl/secretbox" {
        return Err(invalid(
            "this private key is encrypted in another way than cosign's: scrypt and nacl/secretbox",
        ));
    }
    // Who gives the file also says how much memory it takes to try a password.
    let Params { n, r, p } = sealed.kdf.params;
    let log_n = n.trailing_zeros();
    if !n.is_power_of_two() || !(1..=LOG_N_LIMIT).contains(&log_n) || (r, p) != (R, P) {
        return Err(invalid(
            "this private key's scrypt parameters are not such as cosign takes (N 65536, r 8, p 1)",
        ));
    }
    let nonce = decode(&sealed.cipher.nonce)?;
    let salt = decode(&sealed.kdf.salt)?;
    let ciphertext = decode(&sealed.ciphertext)?;
    if nonce.len() != 24 {
        return Err(broken());
    }
    secretbox(password, &salt, log_n as u8)?
        .decrypt(Nonce::from_slice(&nonce), ciphertext.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| invalid("wrong password: it does not open this private key"))
}

fn secretbox(password: &str, salt: &[u8], log_n: u8) -> Result<XSalsa20Poly1305> {
    let params = scrypt::Params::new(log_n, R, P).map_err(|_| cannot("be opened"))?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password.as_bytes(), salt, &params, key.as_mut())
        .map_err(|_| cannot("be opened"))?;
    Ok(XSalsa20Poly1305::new((&*key).into()))
}

fn pem(label: &str, content: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let base64 = BASE64.encode(content);
    for line in base64.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

/// The one block of a PEM file, its lines however long. Of two keys, one would
/// be overlooked.
fn block(pem: &str) -> Result<(&str, Vec<u8>)> {
    if pem.len() > FILE_LIMIT {
        return Err(invalid("this is no key: it is larger than any"));
    }
    let parts = || {
        let (_, rest) = pem.split_once("-----BEGIN ")?;
        let (label, rest) = rest.split_once("-----")?;
        let (content, rest) = rest.split_once("-----END ")?;
        let rest = rest.strip_prefix(label)?.strip_prefix("-----")?;
        Some((label, content, rest))
    };
    let (label, content, rest) = parts().ok_or_else(|| invalid(NO_KEY))?;
    if rest.contains("-----BEGIN ") {
        return Err(invalid(
            "here are several keys in one file; each has its own",
        ));
    }
    let content: Zeroizing<String> =
        Zeroizing::new(content.split_ascii_whitespace().collect::<String>());
    match BASE64.decode(content.as_bytes()) {
        Ok(content) => Ok((label, content)),
        Err(_) => Err(invalid("this key's file is damaged: it is no base64")),
    }
}

#[cfg(test)]
mod tests;
