//! Removing what nothing names any more.

use std::collections::HashSet;
use std::fs::{self, File};

use super::repositories::Repository;
use super::{Held, Look, Store, failed};
use crate::artifact::Found;
use crate::attachments::MANIFEST_LIMIT;
use crate::{Error, ErrorKind, Reference, Result};

impl Store {
    /// Removes a tag, or by digest a manifest with all its tags, and then every
    /// blob that nothing names any more. Gives the bytes of those.
    pub(crate) fn remove(&self, reference: &Reference) -> Result<u64> {
        let root = self.root()?;
        let missing = || {
            Error::new(
                ErrorKind::NotFound,
                format!("{reference} is not in the store; `wudf list` shows what is"),
            )
        };
        if !root.is_dir() {
            return Err(missing());
        }
        // Not while something is pulled: its blobs have no name yet.
        let path = root.join("lock");
        let _alone = Held::new(&path, File::lock).map_err(|e| failed(&path, &e))?;
        let name = format!("{}/{}", reference.host(), reference.repository());
        let repository = self
            .repositories()
            .into_iter()
            .find(|repository| repository.name == name)
            .ok_or_else(missing)?;
        let tags = repository.tags();
        let io = |e: std::io::Error| failed(&repository.folder, &e);
        let digest = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest.to_owned(),
            (None, tag) => {
                let mut named = tags.iter().filter(|(name, _)| Some(name.as_str()) == tag);
                named.next().ok_or_else(missing)?.1.clone()
            }
        };
        let of_it = |(_, named): &&(String, String)| *named == digest;
        let mut kept = false;
        for (tag, _) in tags.iter().filter(of_it) {
            match reference.digest().is_some() || reference.tag() == Some(tag) {
                true => repository.forget_tag(tag).map_err(io)?,
                false => kept = true,
            }
        }
        if !kept {
            match repository.forget_manifest(&digest) {
                // The tag was looked up, but nothing was pulled by it.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    if reference.digest().is_some() {
                        return Err(missing());
                    }
                }
                done => done.map_err(io)?,
            }
        }
        self.sweep()
    }

    fn sweep(&self) -> Result<u64> {
        let root = self.root()?;
        let mut named = HashSet::new();
        let mut next = Vec::new();
        for repository in self.repositories() {
            next.extend(roots(&repository));
        }
        let mut manifests = HashSet::new();
        while let Some(digest) = next.pop() {
            if !named.insert(digest.clone()) {
                continue;
            }
            let Look::Here(bytes) = self.read(&digest, MANIFEST_LIMIT as u64) else {
                continue;
            };
            // For a message that nobody sees.
            let Ok(reference) = "localhost/swept".parse() else {
                continue;
            };
            match Found::read(&bytes, &reference) {
                Ok(Found::Manifest(manifest)) => {
                    manifests.insert(digest);
                    named.insert(manifest.config.digest);
                    named.extend(manifest.layers.into_iter().map(|layer| layer.digest));
                }
                Ok(Found::Index(index)) => {
                    next.extend(index.manifests.into_iter().map(|one| one.digest));
                }
                Err(_) => {}
            }
        }
        let mut freed = 0;
        let blobs = root.join("blobs").join("sha256");
        for entry in fs::read_dir(&blobs).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if named.contains(&format!("sha256:{name}")) {
                continue;
            }
            let len = entry.metadata().map_or(0, |metadata| metadata.len());
            fs::remove_file(entry.path()).map_err(|e| failed(&entry.path(), &e))?;
            freed += len;
        }
        let models = root.join("models");
        for entry in fs::read_dir(&models).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !manifests.contains(&format!("sha256:{name}")) {
                fs::remove_dir_all(entry.path()).map_err(|e| failed(&entry.path(), &e))?;
            }
        }
        // Nobody is pulling: what is half there was left by those who gave up.
        let _ = fs::remove_dir_all(root.join("partial"));
        Ok(freed)
    }
}

/// What a repository gives a name to. What hangs on a manifest goes with it.
fn roots(repository: &Repository) -> Vec<String> {
    let pulled: HashSet<_> = repository
        .manifests()
        .into_iter()
        .map(|(digest, _)| digest)
        .collect();
    let mut roots: Vec<_> = pulled.iter().cloned().collect();
    for (tag, digest) in repository.tags() {
        let hangs_on = tag
            .strip_prefix("sha256-")
            .map(|rest| rest.split('.').next().unwrap_or(rest))
            .filter(|hex| hex.len() == 64)
            .map(|hex| format!("sha256:{hex}"));
        match hangs_on {
            Some(subject) if !pulled.contains(&subject) => {
                let _ = repository.forget_tag(&tag);
            }
            Some(_) => roots.push(digest),
            // What a tag names was pulled, or its blob is not here.
            None => {}
        }
    }
    for (subject, hanging) in repository.referrers() {
        match pulled.contains(&subject) {
            true => roots.extend(hanging),
            false => {
                let _ = repository.forget_referrers(&subject);
            }
        }
    }
    roots
}
