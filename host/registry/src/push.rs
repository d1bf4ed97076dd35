//! Putting plugins and models into registries.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::artifact::{self, Descriptor, MANIFEST, MODEL_ANNOTATION, Manifest, is_file_name};
use crate::client::Payload;
use crate::component::{self, Component};
use crate::text::{created, digest_of, hex};
use crate::{Annotate, Error, ErrorKind, Pushed, Reference, Registry, Result};

fn invalid(why: String) -> Error {
    Error::new(ErrorKind::Invalid, why)
}

impl Registry {
    /// Puts a component into a registry, as the CNCF's Wasm OCI artifact. With
    /// `SOURCE_DATE_EPOCH` in the environment the same bytes give the same
    /// digests each time.
    ///
    /// # Errors
    /// The bytes are no component, a model is not named by digest, or the
    /// registry does not take it.
    pub fn push_plugin(
        &self,
        bytes: &[u8],
        reference: &Reference,
        annotate: &Annotate,
    ) -> Result<Pushed> {
        let tag = self.target(reference)?;
        let limit = self.0.settings.plugin_limit;
        if bytes.len() as u64 > limit {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the plugin is larger than the {limit} bytes that are allowed"),
            ));
        }
        let component = Component::read(bytes)?;
        let mut annotations = component::annotations(bytes);
        annotations.extend(annotate.annotations.clone());
        annotations.extend(ties(&annotate.models)?);
        let title = match &annotate.title {
            Some(title) => title.clone(),
            None => format!("{}.wasm", reference.name()),
        };
        check_name(&title)?;
        let layer = Descriptor::of("", bytes).titled(&title);
        let digest = layer.digest.clone();
        let (manifest, config) = artifact::plugin(&component, layer, &created()?, annotations)?;
        let files = [(Payload::Bytes(bytes), digest, title)];
        self.push(reference, tag, &manifest, &config, &files)
    }

    /// Puts a model into a registry: an ONNX file, and the files with its
    /// weights where it keeps them beside it.
    ///
    /// # Errors
    /// A file cannot be read, or the registry does not take it.
    pub fn push_model(
        &self,
        files: &[PathBuf],
        reference: &Reference,
        annotate: &Annotate,
    ) -> Result<Pushed> {
        let tag = self.target(reference)?;
        if files.is_empty() {
            return Err(invalid("a model has at least one file".into()));
        }
        if !annotate.models.is_empty() {
            return Err(invalid("models are tied to plugins, not to models".into()));
        }
        let mut names = HashSet::new();
        let mut layers = Vec::new();
        let mut payloads = Vec::new();
        for (i, path) in files.iter().enumerate() {
            let title = match (&annotate.title, path.file_name()) {
                (Some(title), _) if i == 0 => title.clone(),
                (_, name) => name.unwrap_or_default().to_string_lossy().into_owned(),
            };
            check_name(&title)?;
            if !names.insert(title.to_lowercase()) {
                return Err(invalid(format!(
                    "two files of the model are called `{title}`"
                )));
            }
            let (digest, size) = measure(path).map_err(|e| {
                let why = format!("cannot read {}: {e}", path.display());
                Error::new(ErrorKind::Io, why)
            })?;
            layers.push(Descriptor::new("", digest.clone(), size).titled(&title));
            payloads.push((Payload::File(path, size), digest, title));
        }
        let (manifest, config) = artifact::model(layers, annotate.annotations.clone());
        let limit = self.0.settings.model_limit;
        if manifest.size() > limit {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the model is larger than the {limit} bytes that are allowed"),
            ));
        }
        self.push(reference, tag, &manifest, &config, &payloads)
    }

    /// The tag to push to.
    fn target<'a>(&self, reference: &'a Reference) -> Result<&'a str> {
        if self.0.settings.offline {
            return Err(Error::new(
                ErrorKind::Offline,
                format!("{reference} cannot be pushed: the network may not be asked"),
            ));
        }
        match (reference.tag(), reference.digest()) {
            (Some(tag), None) => Ok(tag),
            _ => Err(invalid(format!(
                "{reference} cannot be pushed to: name a tag, and no digest, which comes of the bytes"
            ))),
        }
    }

    fn push(
        &self,
        reference: &Reference,
        tag: &str,
        manifest: &Manifest,
        config: &[u8],
        files: &[(Payload<'_>, String, String)],
    ) -> Result<Pushed> {
        let repository = reference.repository();
        let client = self.client(reference);
        // The manifest last: the tag names what is whole.
        for (payload, digest, title) in files {
            client.upload(repository, digest, *payload, title)?;
        }
        client.upload(repository, &digest_of(config), Payload::Bytes(config), "")?;
        let bytes = manifest.write()?;
        client.put_manifest(repository, tag, &bytes, MANIFEST)?;
        Ok(Pushed {
            reference: reference.at(&digest_of(&bytes)),
            layer: files
                .first()
                .map(|(_, digest, _)| digest.clone())
                .unwrap_or_default(),
            size: manifest.size(),
        })
    }
}

/// Models as annotations.
fn ties(models: &BTreeMap<String, Reference>) -> Result<BTreeMap<String, String>> {
    let mut ties = BTreeMap::new();
    for (name, model) in models {
        let digest = model.digest().ok_or_else(|| {
            invalid(format!(
                "the model `{name}` is tied by digest, and {model} names none"
            ))
        })?;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(invalid(format!(
                "a model cannot be called `{}`",
                name.escape_debug()
            )));
        }
        let reference = model.at(digest).to_string();
        ties.insert(format!("{MODEL_ANNOTATION}{name}"), reference);
    }
    Ok(ties)
}

fn check_name(title: &str) -> Result<()> {
    match is_file_name(title) {
        true => Ok(()),
        false => Err(invalid(format!(
            "`{}` is no name of a file",
            title.escape_debug()
        ))),
    }
}

fn measure(path: &PathBuf) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok((format!("sha256:{}", hex(&hash.finalize())), size)),
            n => {
                hash.update(&chunk[..n]);
                size += n as u64;
            }
        }
    }
}
