//! Manifests: what they look like, and what counts as a plugin or a model.
//!
//! A plugin is the CNCF's Wasm OCI artifact to the letter, so that `wkg` and
//! others take it. A model is an artifact beside it and never a second layer,
//! which those refuse; an annotation ties the two by digest.

mod make;

pub(crate) use make::{model, plugin};

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::reference::is_digest;
use crate::text::{brief, digest_of};
use crate::{Error, ErrorKind, Kind, Reference, Result};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
const WASM_LAYER: &str = "application/wasm";
/// Spin's and wasmCloud's, from before the CNCF's.
const OLD_WASM_LAYERS: [&str; 2] = [
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.module.wasm.content.layer.v1+wasm",
];

const MODEL: &str = "application/vnd.wudf.model.v1";
const ONNX_LAYER: &str = "application/onnx";
const OTHER_LAYER: &str = "application/octet-stream";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

pub(crate) const TITLE: &str = "org.opencontainers.image.title";
/// Followed by the model's name; the value is its reference by digest.
pub(crate) const MODEL_ANNOTATION: &str = "dev.wudf.model.";

/// A model comes in a handful of files. Thousands would only be there to
/// fill a folder.
const MOST_FILES: usize = 1000;

/// What a manifest or an index points at.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Platform {
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub os: String,
}

impl Descriptor {
    pub(crate) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, digest_of(bytes), bytes.len() as u64)
    }

    pub(crate) fn new(media_type: &str, digest: String, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            artifact_type: None,
            platform: None,
            annotations: None,
        }
    }

    pub(crate) fn titled(mut self, title: &str) -> Self {
        self.annotations = Some(BTreeMap::from([(TITLE.to_owned(), title.to_owned())]));
        self
    }

    fn title(&self) -> Option<&str> {
        self.annotations.as_ref()?.get(TITLE).map(String::as_str)
    }

    fn is_wasm(&self) -> bool {
        self.media_type == WASM_LAYER || OLD_WASM_LAYERS.contains(&self.media_type.as_str())
    }
}

/// An image manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// An index of manifests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    pub manifests: Vec<Descriptor>,
}

/// What stands under a reference.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Manifest(Box<Manifest>),
    Index(Index),
}

impl Found {
    /// Reads a manifest or an index; `reference` is for the message.
    pub(crate) fn read(bytes: &[u8], reference: &Reference) -> Result<Self> {
        // What it is stands in itself, not in what the server calls it: the
        // bytes are what the digest is of.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            schema_version: Option<u32>,
            media_type: Option<String>,
            manifests: Option<serde::de::IgnoredAny>,
            layers: Option<serde::de::IgnoredAny>,
        }
        let wrong = |why: String| {
            Error::new(
                ErrorKind::Artifact,
                format!("{reference} has no manifest that can be used: {why}"),
            )
        };
        let json = |e: serde_json::Error| wrong(brief(&e.to_string()));
        let head: Head = serde_json::from_slice(bytes).map_err(json)?;
        if head.schema_version != Some(2) {
            return Err(wrong("it is of another version than 2".into()));
        }
        let index = match head.media_type.as_deref() {
            Some(INDEX | DOCKER_INDEX) => true,
            Some(MANIFEST | DOCKER_MANIFEST) => false,
            Some(other) => return Err(wrong(format!("it is of type {}", brief(other)))),
            None => head.manifests.is_some(),
        };
        // Two readers must not see two things in the same bytes.
        if head.manifests.is_some() && head.layers.is_some() {
            return Err(wrong("it is both manifest and index".into()));
        }
        let found = match index {
            true => Self::Index(serde_json::from_slice(bytes).map_err(json)?),
            false => Self::Manifest(Box::new(serde_json::from_slice(bytes).map_err(json)?)),
        };
        let bad = match &found {
            Self::Manifest(manifest) => [&manifest.config]
                .into_iter()
                .chain(&manifest.layers)
                .find(|d| !is_digest(&d.digest)),
            Self::Index(index) => index.manifests.iter().find(|d| !is_digest(&d.digest)),
        };
        match bad {
            Some(bad) => Err(wrong(format!(
                "it names `{}` where a SHA-256 must stand",
                brief(&bad.digest)
            ))),
            None => Ok(found),
        }
    }
}

impl Index {
    /// The entry to use: the only one for WebAssembly, or the only one.
    pub(crate) fn choose(&self, reference: &Reference) -> Result<&Descriptor> {
        let wrong = |why: String| {
            Error::new(
                ErrorKind::Artifact,
                format!("{reference} is an index {why}; name one of its manifests by digest"),
            )
        };
        if let [only] = &self.manifests[..] {
            return Ok(only);
        }
        let is_wasm = |d: &&Descriptor| {
            d.platform
                .as_ref()
                .is_some_and(|platform| platform.architecture == "wasm")
        };
        let mut wasm = self.manifests.iter().filter(is_wasm);
        match (wasm.next(), wasm.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(wrong("with several entries for wasm".into())),
            (None, _) if self.manifests.is_empty() => Err(wrong("without entries".into())),
            (None, _) => {
                let mut there: Vec<_> = self
                    .manifests
                    .iter()
                    .map(|d| match &d.platform {
                        Some(p) => brief(&format!("{}/{}", p.os, p.architecture)),
                        None => "no platform".to_owned(),
                    })
                    .collect();
                there.sort();
                there.dedup();
                there.truncate(8);
                Err(wrong(format!(
                    "without an entry for wasm, but for {}",
                    there.join(", ")
                )))
            }
        }
    }
}

impl Manifest {
    pub(crate) fn kind(&self) -> Kind {
        if self.layers.iter().any(Descriptor::is_wasm) || self.config.media_type == WASM_CONFIG {
            Kind::Plugin
        } else if self.artifact_type.as_deref() == Some(MODEL)
            || self.layers.iter().any(|d| d.media_type == ONNX_LAYER)
        {
            Kind::Model
        } else {
            Kind::Other
        }
    }

    /// The bytes of all layers.
    pub(crate) fn size(&self) -> u64 {
        self.layers
            .iter()
            .fold(0, |sum, layer| sum.saturating_add(layer.size))
    }

    fn what(&self) -> String {
        let types: Vec<_> = self
            .layers
            .iter()
            .take(4)
            .map(|layer| brief(&layer.media_type))
            .collect();
        match types.is_empty() {
            true => "it has no layers".to_owned(),
            false => format!("its layers are {}", types.join(", ")),
        }
    }

    /// The layer that is the component.
    pub(crate) fn component(&self, reference: &Reference) -> Result<&Descriptor> {
        let wrong = |why: String| {
            Err(Error::new(
                ErrorKind::Artifact,
                format!("{reference} {why}"),
            ))
        };
        match (self.kind(), &self.layers[..]) {
            (Kind::Plugin, [layer]) if layer.is_wasm() => Ok(layer),
            (Kind::Plugin, [layer]) => wrong(format!(
                "has a layer that is no WebAssembly, but {}",
                brief(&layer.media_type)
            )),
            (Kind::Plugin, layers) => wrong(format!(
                "has {} layers; a plugin is exactly one",
                layers.len()
            )),
            (Kind::Model, _) => wrong("is a model, not a plugin".into()),
            (Kind::Other, _) => wrong(format!("is no plugin: {}", self.what())),
        }
    }

    /// The layers of a model with the names of their files, the model's own
    /// file first.
    pub(crate) fn files(&self, reference: &Reference) -> Result<Vec<(String, &Descriptor)>> {
        let wrong = |why: String| Error::new(ErrorKind::Artifact, format!("{reference} {why}"));
        match self.kind() {
            Kind::Plugin => return Err(wrong("is a plugin, not a model".into())),
            Kind::Other => return Err(wrong(format!("is no model: {}", self.what()))),
            Kind::Model => {}
        }
        if self.layers.len() > MOST_FILES {
            return Err(wrong(format!("has {} files", self.layers.len())));
        }
        let mut names = HashSet::new();
        let mut files = Vec::new();
        for layer in &self.layers {
            let title = match (layer.title(), self.layers.len()) {
                (Some(title), _) => title,
                (None, 1) => "model.onnx",
                (None, _) => return Err(wrong("has files without names".into())),
            };
            if !is_file_name(title) {
                return Err(wrong(format!(
                    "has a file with a name that is none: `{}`",
                    brief(title)
                )));
            }
            // Some file systems see no difference between cases.
            if !names.insert(title.to_lowercase()) {
                return Err(wrong(format!("has two files `{}`", brief(title))));
            }
            files.push((title.to_owned(), layer));
        }
        // Tools that push a folder sort its files; the model is the ONNX one.
        let first = files
            .iter()
            .position(|(_, layer)| layer.media_type == ONNX_LAYER)
            .unwrap_or_default();
        if files.is_empty() {
            return Err(wrong("is a model without files".into()));
        }
        files[..=first].rotate_right(1);
        Ok(files)
    }

    /// The models that the annotations tie to a plugin, and the rest of them.
    #[allow(clippy::type_complexity)]
    pub(crate) fn ties(
        &self,
        reference: &Reference,
    ) -> Result<(BTreeMap<String, Reference>, BTreeMap<String, String>)> {
        let mut models = BTreeMap::new();
        let mut rest = BTreeMap::new();
        for (key, value) in self.annotations.iter().flatten() {
            let Some(name) = key.strip_prefix(MODEL_ANNOTATION) else {
                rest.insert(key.clone(), value.clone());
                continue;
            };
            let model = value.parse::<Reference>().ok();
            match model.filter(|model| !name.is_empty() && model.digest().is_some()) {
                // By digest alone: a tag beside it says nothing.
                Some(model) => {
                    let digest = model.digest().unwrap_or_default().to_owned();
                    models.insert(name.to_owned(), model.at(&digest));
                }
                None => {
                    return Err(Error::new(
                        ErrorKind::Artifact,
                        format!(
                            "{reference} ties the model `{}` to what is no reference with a digest",
                            brief(name)
                        ),
                    ));
                }
            }
        }
        Ok((models, rest))
    }
}

/// A name that stays in its folder, on every system.
pub(crate) fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.bytes().all(|b| b == b'.')
        && !name.chars().any(|c| c.is_control() || "/\\:".contains(c))
}
