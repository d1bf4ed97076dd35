//! Which repository a blob came from, and under which tag.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Store, failed, write};
use crate::reference::is_digest;
use crate::{Reference, Result};

// No part of a repository's name begins so.
const TAGS: &str = "_tags";
const MANIFESTS: &str = "_manifests";
const REFERRERS: &str = "_referrers";

/// The most manifests that are looked at of those that hang on one.
pub(crate) const MOST_REFERRERS: usize = 64;

/// A repository that something was pulled from.
#[derive(Debug)]
pub(crate) struct Repository {
    /// `HOST/NAME`
    pub name: String,
    pub folder: PathBuf,
}

impl Repository {
    /// Tags with the digests that they name.
    pub(crate) fn tags(&self) -> Vec<(String, String)> {
        names(&self.folder.join(TAGS))
            .into_iter()
            .filter_map(|tag| {
                let digest = read_tag(&self.folder, &tag)?;
                Some((tag, digest))
            })
            .collect()
    }

    /// The manifests that were pulled, by digest, and when they were.
    pub(crate) fn manifests(&self) -> Vec<(String, SystemTime)> {
        let folder = self.folder.join(MANIFESTS);
        names(&folder)
            .into_iter()
            .filter_map(|hex| {
                let pulled = fs::metadata(folder.join(&hex)).and_then(|m| m.modified());
                Some((digest(&hex)?, pulled.unwrap_or(SystemTime::UNIX_EPOCH)))
            })
            .collect()
    }

    /// Manifests that others hang on, each with those.
    pub(crate) fn referrers(&self) -> Vec<(String, Vec<String>)> {
        let folder = self.folder.join(REFERRERS);
        names(&folder)
            .into_iter()
            .filter_map(|hex| Some((digest(&hex)?, hanging(&folder.join(&hex)))))
            .collect()
    }

    pub(crate) fn forget_tag(&self, tag: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(TAGS).join(tag))
    }

    pub(crate) fn forget_manifest(&self, digest: &str) -> io::Result<()> {
        let hex = digest.trim_start_matches("sha256:");
        fs::remove_file(self.folder.join(MANIFESTS).join(hex))
    }

    pub(crate) fn forget_referrers(&self, digest: &str) -> io::Result<()> {
        let hex = digest.trim_start_matches("sha256:");
        fs::remove_dir_all(self.folder.join(REFERRERS).join(hex))
    }
}

impl Store {
    fn repository(&self, reference: &Reference) -> Option<PathBuf> {
        let folder = self.root.as_ref()?.join("repositories");
        // No host has a plus, and not every file system takes a colon.
        let host = reference.host().replace(':', "+");
        Some(folder.join(host).join(reference.repository()))
    }

    /// The digest that a tag named when it was last looked up.
    pub(crate) fn tag(&self, reference: &Reference, tag: &str) -> Option<String> {
        read_tag(&self.repository(reference)?, tag)
    }

    /// Remembers what a tag names; `None` when it names nothing any more.
    pub(crate) fn set_tag(
        &self,
        reference: &Reference,
        tag: &str,
        digest: Option<&str>,
    ) -> Result<()> {
        let Some(folder) = self.repository(reference) else {
            return Ok(());
        };
        let path = folder.join(TAGS).join(tag);
        let known = read_tag(&folder, tag);
        let done = match digest {
            _ if known.as_deref() == digest => Ok(()),
            Some(digest) => write(&path, digest.as_bytes()),
            None => fs::remove_file(&path),
        };
        done.map_err(|e| failed(&path, &e))
    }

    /// Remembers where a manifest was pulled from, and that it was now.
    pub(crate) fn set_pulled(&self, reference: &Reference, digest: &str) -> Result<()> {
        let Some(folder) = self.repository(reference) else {
            return Ok(());
        };
        let hex = digest.trim_start_matches("sha256:");
        let path = folder.join(MANIFESTS).join(hex);
        write(&path, b"").map_err(|e| failed(&path, &e))
    }

    /// What hangs on a manifest, as far as it is known.
    pub(crate) fn hanging(&self, reference: &Reference, digest: &str) -> Vec<String> {
        let hex = digest.trim_start_matches("sha256:");
        self.repository(reference)
            .map(|folder| hanging(&folder.join(REFERRERS).join(hex)))
            .unwrap_or_default()
    }

    /// Remembers what hangs on a manifest.
    pub(crate) fn set_hanging(
        &self,
        reference: &Reference,
        digest: &str,
        now: &[String],
    ) -> Result<()> {
        let Some(folder) = self.repository(reference) else {
            return Ok(());
        };
        let hex = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
        let folder = folder.join(REFERRERS).join(hex(digest));
        for before in hanging(&folder) {
            if !now.contains(&before) {
                let _ = fs::remove_file(folder.join(hex(&before)));
            }
        }
        for one in now {
            let path = folder.join(hex(one));
            if !path.exists() {
                write(&path, b"").map_err(|e| failed(&path, &e))?;
            }
        }
        Ok(())
    }

    /// Every repository that something is known of, by name.
    pub(crate) fn repositories(&self) -> Vec<Repository> {
        let mut found = Vec::new();
        if let Some(root) = &self.root {
            collect(&root.join("repositories"), "", &mut found);
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }
}

fn collect(folder: &Path, name: &str, found: &mut Vec<Repository>) {
    let inside = names(folder);
    if inside.iter().any(|name| name.starts_with('_')) {
        found.push(Repository {
            name: name.to_owned(),
            folder: folder.to_owned(),
        });
    }
    for part in inside.iter().filter(|name| !name.starts_with(['_', '.'])) {
        let name = match name.is_empty() {
            true => part.replace('+', ":"),
            false => format!("{name}/{part}"),
        };
        collect(&folder.join(part), &name, found);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

fn hanging(folder: &Path) -> Vec<String> {
    let digests = names(folder).into_iter().filter_map(|hex| digest(&hex));
    digests.take(MOST_REFERRERS).collect()
}

fn digest(hex: &str) -> Option<String> {
    Some(format!("sha256:{hex}")).filter(|digest| is_digest(digest))
}

fn read_tag(folder: &Path, tag: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(TAGS).join(tag)).ok()?;
    Some(text.trim().to_owned()).filter(|digest| is_digest(digest))
}
