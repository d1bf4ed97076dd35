//! What is fed with random bytes: names, and what registries and files say.
//!
//! `fuzz/` runs these functions under libFuzzer, the test below over the seeds that it keeps.
//! Each says whether it took its input, and panics where a property does not hold.

use std::path::Path;

use crate::artifact::{Found, is_file_name};
use crate::component::{self, Component};
use crate::key::PublicKey;
use crate::policy::{Policy, Subject, Wanted};
use crate::reference::is_digest;
use crate::{Attachments, Error, ErrorKind, Lock, Metadata, Reference, Result, digest_of};
use crate::{signature, text};

fn utf8(input: &[u8]) -> &str {
    str::from_utf8(input).unwrap_or_default()
}

/// What is before the first byte of 0, and what is behind it.
fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    let mut halves = input.splitn(2, |byte| *byte == 0);
    let mut next = || halves.next().unwrap_or_default();
    (next(), next())
}

fn plugin() -> Reference {
    let plugin = format!("registry.example/team/slug@{}", digest_of(b"a manifest"));
    plugin.parse().expect("a reference")
}

/// Reads a reference.
pub fn reference(input: &[u8]) -> bool {
    let Ok(reference) = utf8(input).parse::<Reference>() else {
        return false;
    };
    let same = |reference: &Reference| {
        let again = reference.to_string().parse().ok();
        assert_eq!(again.as_ref(), Some(reference));
    };
    same(&reference);
    same(&reference.at(&digest_of(input)));
    // The store has folders of these names.
    let mut parts = reference.repository().split('/');
    assert!(parts.all(is_file_name), "{reference}");
    true
}

/// Reads a manifest or an index.
pub fn manifest(input: &[u8]) -> bool {
    let plugin = plugin();
    match Found::read(input, &plugin) {
        Err(_) => false,
        Ok(Found::Index(index)) => {
            let chosen = index.choose(&plugin);
            assert!(chosen.is_ok_and(|one| is_digest(&one.digest)) || index.manifests.len() != 1);
            true
        }
        Ok(Found::Manifest(manifest)) => {
            let _ = (
                manifest.kind(),
                manifest.size(),
                manifest.component(&plugin),
            );
            if let Ok(files) = manifest.files(&plugin) {
                assert_eq!(files.len(), manifest.layers.len());
                assert!(files.iter().all(|(name, _)| is_file_name(name)));
            }
            if let Ok((models, _)) = manifest.ties(&plugin) {
                assert!(models.values().all(|model| model.digest().is_some()));
            }
            let written = serde_json::to_vec(&manifest).expect("JSON");
            assert!(Found::read(&written, &plugin).is_ok());
            true
        }
    }
}

/// Reads a policy, and asks it of what follows a byte of 0: a reference, a path, a name.
pub fn policy(input: &[u8]) -> bool {
    let (policy, what) = halves(input);
    let Ok(policy) = Policy::parse(utf8(policy), Path::new("/nowhere/policy.toml")) else {
        return false;
    };
    let what = utf8(what);
    let rule = |subject: &Subject<'_>| match policy.wanted(subject) {
        Wanted::Nothing => None,
        Wanted::Keys { rule, .. } => Some(rule),
    };
    rule(&Subject::Inline(what));
    rule(&Subject::File(Path::new(what)));
    if let Ok(reference) = what.parse::<Reference>() {
        // Whatever it names of a repository, it falls under one rule.
        let pinned = reference.at(&digest_of(input));
        let tagged = reference.tagged("other");
        for other in [pinned, tagged] {
            assert_eq!(
                rule(&Subject::Reference(&other)),
                rule(&Subject::Reference(&reference))
            );
        }
    }
    true
}

/// Reads a lock file.
pub fn lock(input: &[u8]) -> bool {
    let Ok(lock) = Lock::parse(utf8(input)) else {
        return false;
    };
    assert_eq!(Lock::parse(&lock.to_string()).as_ref(), Ok(&lock));
    assert!(lock.plugins().all(|one| lock.pin(&one.reference).is_some()));
    assert!(lock.models().all(|one| lock.pin(&one.reference).is_some()));
    true
}

/// What hangs on a plugin: one manifest, and one blob.
struct Hung<'a>(&'a [u8], &'a [u8]);

impl Attachments for Hung<'_> {
    fn manifests(&self, _: &Reference) -> Result<Vec<Vec<u8>>> {
        Ok(vec![self.0.to_vec()])
    }

    fn blob(&self, _: &Reference, _: &str, limit: usize) -> Result<Vec<u8>> {
        match self.1.len() <= limit {
            true => Ok(self.1.to_vec()),
            false => Err(Error::new(ErrorKind::TooLarge, "more than was asked for")),
        }
    }

    fn signatures(&self, _: &Reference) -> Result<Option<Vec<u8>>> {
        Ok(Some(self.0.to_vec()))
    }

    fn put_signatures(&self, _: &Reference, _: &[u8], _: &[Vec<u8>]) -> Result<()> {
        Ok(())
    }
}

/// A key of a test, which has signed nothing.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEnZn6QATlOrlsJzNj9Nx3jZzROo7H
Dg31pqmMwF6crGEgLMxWVjcnEhVbe+mkLMPf3Y+3Otn2DwQ61tCQdoxFtQ==
-----END PUBLIC KEY-----";

/// Reads a manifest of signatures and, behind a byte of 0, the blob whose digest stands in the
/// manifest as `@`. Nobody has signed it.
pub fn signature(input: &[u8]) -> bool {
    let (manifest, blob) = halves(input);
    let manifest = utf8(manifest).replace('@', &digest_of(blob));
    let (at, plugin) = (Hung(manifest.as_bytes(), blob), plugin());
    let key = PublicKey::from_pem(KEY).expect("a key");
    let by = signature::verify(&at, &plugin, &[key]).expect("nothing stands in the way");
    assert!(by.is_none());
    !signature::list(&at, &plugin)
        .expect("nothing stands in the way")
        .is_empty()
}

/// Reads a public key.
pub fn key(input: &[u8]) -> bool {
    let Ok(key) = PublicKey::from_pem(utf8(input)) else {
        return false;
    };
    let again = PublicKey::from_pem(&key.to_pem()).expect("a key");
    assert_eq!(again.fingerprint(), key.fingerprint());
    true
}

/// Reads what a plugin's file says of itself.
pub fn metadata(input: &[u8]) -> bool {
    if let Ok(metadata) = Metadata::read(input) {
        let shown = [&metadata.name, &metadata.version, &metadata.authors];
        for text in shown.into_iter().flatten() {
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }
    for value in component::annotations(input).values() {
        text::brief(value);
    }
    Component::read(input).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds() {
        wudf_test_support::seeds("reference", reference);
        wudf_test_support::seeds("manifest", manifest);
        wudf_test_support::seeds("policy", policy);
        wudf_test_support::seeds("lock", lock);
        wudf_test_support::seeds("signature", signature);
        wudf_test_support::seeds("key", key);
        wudf_test_support::seeds("metadata", metadata);
    }
}
