//! The lock file: which bytes a reference meant when it was last looked up.
//!
//! Both digests are kept: the manifest's is what signatures are about and what
//! a registry is asked for, the layer's is what `wkg.lock` pins and what runs.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::reference::is_digest;
use crate::{Error, ErrorKind, Reference, Result};

/// What is understood here; another number is a file of a later version.
const VERSION: u64 = 1;

/// A lock file is text that people read; more than this is none.
const LIMIT: u64 = 16 << 20;

/// What `wudf.lock` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    plugins: BTreeMap<Reference, LockedPlugin>,
    models: BTreeMap<Reference, LockedModel>,
}

/// A plugin that is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LockedPlugin {
    /// As it is asked for.
    #[serde(with = "text")]
    pub reference: Reference,
    /// The manifest's digest.
    pub manifest: String,
    /// The digest of the component itself.
    pub layer: String,
    /// The models that its manifest ties to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, LockedModel>,
}

/// A model that is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LockedModel {
    /// As it is asked for.
    #[serde(with = "text")]
    pub reference: Reference,
    /// The manifest's digest.
    pub manifest: String,
    /// The digests of its files, the model's own first.
    pub layers: Vec<String>,
}

impl LockedPlugin {
    /// Pins a plugin.
    pub fn new(reference: Reference, manifest: String, layer: String) -> Self {
        Self {
            reference,
            manifest,
            layer,
            models: BTreeMap::new(),
        }
    }
}

impl LockedModel {
    /// Pins a model.
    pub fn new(reference: Reference, manifest: String, layers: Vec<String>) -> Self {
        Self {
            reference,
            manifest,
            layers,
        }
    }
}

/// The file itself.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    #[serde(default, rename = "plugin", skip_serializing_if = "Vec::is_empty")]
    plugins: Vec<LockedPlugin>,
    #[serde(default, rename = "model", skip_serializing_if = "Vec::is_empty")]
    models: Vec<LockedModel>,
}

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    /// It cannot be read, is of a later version, or pins one reference twice.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |kind, why: String| {
            Error::new(
                kind,
                format!("cannot use the lock file {}: {why}", path.display()),
            )
        };
        let io = |e: std::io::Error| wrong(ErrorKind::Io, e.to_string());
        if fs::metadata(path).map_err(io)?.len() > LIMIT {
            return Err(wrong(ErrorKind::Invalid, "it is far too large".into()));
        }
        let text = fs::read_to_string(path).map_err(io)?;
        Self::parse(&text).map_err(|why| wrong(ErrorKind::Invalid, why))
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // The version first: what else a later file holds is not for us to judge.
        #[derive(Deserialize)]
        struct Version {
            version: u64,
        }
        let brief = |e: toml::de::Error| {
            let line = e.span().map_or(1, |span| {
                text[..span.start.min(text.len())].matches('\n').count() + 1
            });
            format!("line {line}: {}", e.message())
        };
        let Version { version } = toml::from_str(text).map_err(brief)?;
        if version != VERSION {
            return Err(format!(
                "it is of version {version}, this wudf knows version {VERSION}; use a later wudf"
            ));
        }
        let file: File = toml::from_str(text).map_err(brief)?;
        let mut lock = Self::default();
        for plugin in file.plugins {
            digests([&plugin.manifest, &plugin.layer])?;
            for model in plugin.models.values() {
                digests([&model.manifest].into_iter().chain(&model.layers))?;
            }
            let reference = plugin.reference.clone();
            if lock.plugins.insert(reference.clone(), plugin).is_some() {
                return Err(format!("it pins {reference} twice"));
            }
        }
        for model in file.models {
            digests([&model.manifest].into_iter().chain(&model.layers))?;
            let reference = model.reference.clone();
            if lock.models.insert(reference.clone(), model).is_some() {
                return Err(format!("it pins {reference} twice"));
            }
        }
        Ok(lock)
    }

    /// Writes a lock file beside its place and renames it, so that nobody
    /// reads half a file.
    ///
    /// # Errors
    /// It cannot be written; then the old one is still there.
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |e: std::io::Error| {
            Error::new(
                ErrorKind::Io,
                format!("cannot write the lock file {}: {e}", path.display()),
            )
        };
        // A link's target is replaced, not the link.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = crate::store::beside(folder).map_err(failed)?;
        file.write_all(self.to_string().as_bytes())
            .and_then(|()| file.as_file().sync_all())
            .and_then(|()| file.persist(path).map_err(|e| e.error).map(drop))
            .map_err(failed)
    }

    /// The plugin that is pinned under this reference.
    pub fn plugin(&self, reference: &Reference) -> Option<&LockedPlugin> {
        self.plugins.get(reference)
    }

    /// The model that is pinned under this reference, for itself or as one of
    /// a plugin.
    pub fn model(&self, reference: &Reference) -> Option<&LockedModel> {
        self.models.get(reference).or_else(|| {
            self.plugins
                .values()
                .flat_map(|plugin| plugin.models.values())
                .find(|model| model.reference == *reference)
        })
    }

    /// Every plugin, in the order of the file.
    pub fn plugins(&self) -> impl Iterator<Item = &LockedPlugin> {
        self.plugins.values()
    }

    /// Every model that stands for itself, in the order of the file.
    pub fn models(&self) -> impl Iterator<Item = &LockedModel> {
        self.models.values()
    }

    /// Pins a plugin; gives what was pinned under its reference.
    pub fn set_plugin(&mut self, plugin: LockedPlugin) -> Option<LockedPlugin> {
        self.plugins.insert(plugin.reference.clone(), plugin)
    }

    /// Pins a model; gives what was pinned under its reference.
    pub fn set_model(&mut self, model: LockedModel) -> Option<LockedModel> {
        self.models.insert(model.reference.clone(), model)
    }

    /// What is pinned of this reference: by its name, or, where it names a
    /// digest, by that.
    pub(crate) fn pin(&self, reference: &Reference) -> Option<Pin<'_>> {
        let plugins = || {
            self.plugins
                .values()
                .map(|p| (&p.reference, Pin::new(&p.manifest, [&p.layer])))
        };
        let models = || {
            let own = self.models.values();
            let theirs = self.plugins.values().flat_map(|p| p.models.values());
            own.chain(theirs)
                .map(|m| (&m.reference, Pin::new(&m.manifest, &m.layers)))
        };
        let named = plugins()
            .chain(models())
            .find(|(name, _)| *name == reference);
        let pin = named.or_else(|| {
            let digest = reference.digest()?;
            plugins().chain(models()).find(|(name, pin)| {
                (name.host(), name.repository()) == (reference.host(), reference.repository())
                    && pin.manifest == digest
            })
        });
        pin.map(|(_, pin)| pin)
    }
}

/// What must be found.
pub(crate) struct Pin<'a> {
    pub manifest: &'a str,
    pub layers: Vec<&'a str>,
}

impl<'a> Pin<'a> {
    fn new(manifest: &'a str, layers: impl IntoIterator<Item = &'a String>) -> Self {
        Self {
            manifest,
            layers: layers.into_iter().map(String::as_str).collect(),
        }
    }
}

/// As the file has it.
impl std::fmt::Display for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = File {
            version: VERSION,
            plugins: self.plugins.values().cloned().collect(),
            models: self.models.values().cloned().collect(),
        };
        let text = toml::to_string_pretty(&file).map_err(|_| std::fmt::Error)?;
        f.write_str(
            "# Made by `wudf update`, not to be edited: what each reference meant, by digest.\n",
        )?;
        f.write_str(&text)
    }
}

fn digests<'a>(digests: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    match digests.into_iter().find(|digest| !is_digest(digest)) {
        None => Ok(()),
        Some(digest) => Err(format!(
            "`{}` is no digest",
            digest.chars().take(80).collect::<String>().escape_debug()
        )),
    }
}

mod text {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    use crate::Reference;

    pub(super) fn serialize<S: Serializer>(
        reference: &Reference,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(reference)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Reference, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(Error::custom)
    }
}
