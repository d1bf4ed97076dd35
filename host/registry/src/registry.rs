//! Push, pull, resolve and look up: what the rest of wudf asks for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::artifact::{Descriptor, Found, Manifest};
use crate::attachments::{Attachments, Hung, MANIFEST_LIMIT};
use crate::client::{Client, Sink};
use crate::settings::{Settings, user_store};
use crate::store::{Look, Store};
use crate::{Error, ErrorKind, Lock, Reference, Result};

/// The registries, and the store of what came from them. Cheap to clone; calls
/// block, and may be made on the threads of an asynchronous runtime.
#[derive(Clone)]
pub struct Registry(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    lock: Option<Lock>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.0.settings).finish()
    }
}

/// A plugin that was pulled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PulledPlugin {
    /// Where it is, by the digest of its manifest.
    pub reference: Reference,
    /// The digest of the bytes.
    pub layer: String,
    /// The component.
    pub bytes: Vec<u8>,
    /// The models that its manifest ties to it, by digest.
    pub models: BTreeMap<String, Reference>,
    /// What else its manifest says.
    pub annotations: BTreeMap<String, String>,
}

/// A model that was pulled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PulledModel {
    /// Where it is, by the digest of its manifest.
    pub reference: Reference,
    /// The model's file in the store; files with its weights lie beside it.
    pub path: PathBuf,
    /// The digests of its files, the model's own first.
    pub layers: Vec<String>,
}

/// What a push says beside the bytes.
#[derive(Clone, Debug, Default)]
pub struct Annotate {
    /// The models that a plugin asks for, each by digest.
    pub models: BTreeMap<String, Reference>,
    /// The file's name; the repository's last part when `None`.
    pub title: Option<String>,
    /// Annotations of the manifest; these win over the component's own metadata.
    pub annotations: BTreeMap<String, String>,
}

/// What was pushed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pushed {
    /// Where it is, by the digest of its manifest.
    pub reference: Reference,
    /// The digest of the first layer.
    pub layer: String,
    /// The bytes of all layers.
    pub size: u64,
}

/// The manifest of an artifact and where it was found.
pub(crate) struct Opened {
    /// What the reference names: an index, where there is one.
    pub(crate) digest: String,
    /// The manifest itself.
    own: String,
    pub(crate) manifest: Box<Manifest>,
}

impl Registry {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// The lock file that is named cannot be used.
    pub fn new(settings: Settings) -> Result<Self> {
        let lock = settings.lock.as_deref().map(Lock::read).transpose()?;
        let store = Store::new(settings.store.clone().or_else(user_store));
        Ok(Self(Arc::new(Inner {
            settings,
            store,
            lock,
        })))
    }

    pub(crate) fn client<'a>(&'a self, reference: &'a Reference) -> Client<'a> {
        Client::new(&self.0.settings, reference.host())
    }

    /// The reference by the digest of what it names: the digest that it names
    /// itself, the one in the lock file, or what the registry says of its tag.
    /// Without a network, what the registry said last.
    ///
    /// # Errors
    /// There is no such thing, it cannot be asked for, or the lock file does
    /// not allow it.
    pub fn resolve(&self, reference: &Reference) -> Result<Reference> {
        self.digest(reference).map(|digest| reference.at(&digest))
    }

    fn digest(&self, reference: &Reference) -> Result<String> {
        let Inner {
            settings,
            store,
            lock,
        } = &*self.0;
        let locked = |why: String| Err(Error::new(ErrorKind::Locked, why));
        let pin = lock.as_ref().and_then(|lock| lock.pin(reference));
        match (pin, reference.digest()) {
            (Some(pin), Some(digest)) if digest != pin.manifest => {
                return locked(format!(
                    "{reference} is not what the lock file pins, which is {}",
                    pin.manifest
                ));
            }
            (Some(pin), _) => return Ok(pin.manifest.to_owned()),
            (None, _) if settings.locked => {
                return locked(match &settings.lock {
                    Some(path) => format!(
                        "{reference} is not in the lock file {}; `wudf update` adds it",
                        path.display()
                    ),
                    None => format!(
                        "{reference} may only be used as a lock file pins it, and there is none; `wudf update` makes one"
                    ),
                });
            }
            (None, Some(digest)) => return Ok(digest.to_owned()),
            (None, None) => {}
        }
        let tag = reference.tag().unwrap_or("latest");
        if settings.offline {
            return store.tag(reference, tag).ok_or_else(|| not_here(reference));
        }
        let asked = self.client(reference).digest(reference.repository(), tag);
        let digest = asked.map_err(|e| match store.tag(reference, tag) {
            Some(before) if e.kind() == ErrorKind::Network => Error::new(
                e.kind(),
                format!(
                    "{e}; the store has {before} of before: --offline, or offline=True, takes that"
                ),
            ),
            _ => e,
        })?;
        let digest = digest.ok_or_else(|| missing(reference))?;
        // A store that cannot be written costs a later process the question.
        if let Err(e) = store.set_tag(reference, tag, Some(&digest)) {
            tracing::warn!("{e}");
        }
        Ok(digest)
    }

    /// A small blob or a manifest: from the store, or else from `bring`.
    pub(crate) fn small(
        &self,
        reference: &Reference,
        digest: &str,
        limit: u64,
        bring: impl FnOnce() -> Result<Option<Vec<u8>>>,
    ) -> Result<Vec<u8>> {
        let Inner {
            settings, store, ..
        } = &*self.0;
        let look = store.read(digest, limit);
        match (look, settings.offline) {
            (Look::Here(bytes), _) => return Ok(bytes),
            (Look::Missing, true) => return Err(not_here(reference)),
            (Look::Changed, true) => return Err(changed(reference, digest)),
            (Look::Missing | Look::Changed, false) => {}
        }
        let bytes = bring()?.ok_or_else(|| missing(reference))?;
        if let Err(e) = store.put(&bytes) {
            tracing::warn!("{e}");
        }
        Ok(bytes)
    }

    fn manifest(&self, client: &Client<'_>, reference: &Reference) -> Result<Found> {
        let digest = reference.digest().unwrap_or_default();
        let limit = MANIFEST_LIMIT as u64;
        let bytes = self.small(reference, digest, limit, || {
            client.manifest(reference.repository(), digest)
        })?;
        Found::read(&bytes, reference)
    }

    pub(crate) fn open(&self, client: &Client<'_>, reference: &Reference) -> Result<Opened> {
        let digest = self.digest(reference)?;
        let at = reference.at(&digest);
        let (own, manifest) = match self.manifest(client, &at)? {
            Found::Manifest(manifest) => (digest.clone(), manifest),
            Found::Index(index) => {
                let own = index.choose(reference)?.digest.clone();
                match self.manifest(client, &reference.at(&own))? {
                    Found::Manifest(manifest) => (own, manifest),
                    Found::Index(_) => {
                        let why = format!("{reference} is an index of an index");
                        return Err(Error::new(ErrorKind::Artifact, why));
                    }
                }
            }
        };
        Ok(Opened {
            digest,
            own,
            manifest,
        })
    }

    /// What the lock file pins of the layers.
    fn check_lock(&self, reference: &Reference, layers: &[&str]) -> Result<()> {
        let lock = self.0.lock.as_ref();
        match lock.and_then(|lock| lock.pin(reference)) {
            Some(pin) if pin.layers != layers => Err(Error::new(
                ErrorKind::Digest,
                format!(
                    "{reference} has other files than the lock file pins: {} for {}",
                    layers.join(", "),
                    pin.layers.join(", ")
                ),
            )),
            _ => Ok(()),
        }
    }

    fn remember(&self, reference: &Reference, opened: &Opened) {
        if let Err(e) = self.0.store.set_pulled(reference, &opened.digest) {
            tracing::warn!("{e}");
        }
    }

    /// A plugin, from the store or the registry.
    ///
    /// # Errors
    /// It is not there, is no plugin, or is not what it should be.
    pub fn pull_plugin(&self, reference: &Reference) -> Result<PulledPlugin> {
        let _held = self.0.store.hold();
        let client = self.client(reference);
        let opened = self.open(&client, reference)?;
        let layer = opened.manifest.component(reference)?;
        self.check_lock(reference, &[&layer.digest])?;
        check_size(reference, layer.size, self.0.settings.plugin_limit)?;
        let (models, annotations) = opened.manifest.ties(reference)?;
        let bytes = self.component(&client, reference, layer)?;
        // From the store they come whatever the manifest says of them.
        if bytes.len() as u64 != layer.size {
            return Err(Error::new(
                ErrorKind::Artifact,
                format!(
                    "{reference} has {} bytes, not the {} that its manifest names",
                    bytes.len(),
                    layer.size
                ),
            ));
        }
        self.remember(reference, &opened);
        Ok(PulledPlugin {
            reference: reference.at(&opened.digest),
            layer: layer.digest.clone(),
            bytes,
            models,
            annotations,
        })
    }

    /// A component's bytes: by way of the store where there is one that can be
    /// written, else straight into memory.
    fn component(
        &self,
        client: &Client<'_>,
        reference: &Reference,
        layer: &Descriptor,
    ) -> Result<Vec<u8>> {
        let Inner {
            settings, store, ..
        } = &*self.0;
        let (digest, size) = (&layer.digest, layer.size);
        let bring = |sink: &mut Sink| {
            let what = reference.to_string();
            client.blob(
                reference.repository(),
                digest,
                Some(size),
                size,
                &what,
                sink,
            )
        };
        match (store.read(digest, size), settings.offline) {
            (Look::Here(bytes), _) => return Ok(bytes),
            (Look::Missing, true) => return Err(not_here(reference)),
            (Look::Changed, true) => return Err(changed(reference, digest)),
            (Look::Missing | Look::Changed, false) => {}
        }
        match store.fetch(digest, bring) {
            Ok(_) => {
                if let Look::Here(bytes) = store.read(digest, size) {
                    return Ok(bytes);
                }
            }
            Err(e) if e.kind() == ErrorKind::Io => {
                tracing::warn!("{e}; {reference} will be fetched again next time");
            }
            Err(e) => return Err(e),
        }
        let mut sink = Sink::memory();
        bring(&mut sink)?;
        Ok(sink.into_bytes())
    }

    /// A model, in the store.
    ///
    /// # Errors
    /// It is not there, is no model, or is not what it should be; or the store
    /// cannot be written.
    pub fn pull_model(&self, reference: &Reference) -> Result<PulledModel> {
        let Inner {
            settings, store, ..
        } = &*self.0;
        let _held = store.hold();
        let client = self.client(reference);
        let opened = self.open(&client, reference)?;
        let files = opened.manifest.files(reference)?;
        let layers: Vec<_> = files
            .iter()
            .map(|(_, layer)| layer.digest.as_str())
            .collect();
        self.check_lock(reference, &layers)?;
        check_size(reference, opened.manifest.size(), settings.model_limit)?;
        for (name, layer) in &files {
            let (digest, size) = (&layer.digest, layer.size);
            match (store.file(digest), settings.offline) {
                (Look::Here(_), _) => continue,
                (Look::Missing, true) => return Err(not_here(reference)),
                (Look::Changed, true) => return Err(changed(reference, digest)),
                (Look::Missing | Look::Changed, false) => {}
            }
            store.fetch(digest, |sink| {
                let what = format!("{name} of {reference}");
                client.blob(
                    reference.repository(),
                    digest,
                    Some(size),
                    size,
                    &what,
                    sink,
                )
            })?;
        }
        let names: Vec<_> = files
            .iter()
            .map(|(name, layer)| (name.clone(), layer.digest.clone()))
            .collect();
        let path = store.place(&opened.own, &names)?;
        self.remember(reference, &opened);
        Ok(PulledModel {
            reference: reference.at(&opened.digest),
            path,
            layers: names.into_iter().map(|(_, digest)| digest).collect(),
        })
    }

    /// What hangs on manifests, as far as the store knows.
    pub fn local(&self) -> impl Attachments + use<> {
        Hung::new(self.clone(), false)
    }

    /// What hangs on manifests in their registries; the store keeps what is
    /// found. Offline it is as [`local`](Self::local).
    pub fn remote(&self) -> impl Attachments + use<> {
        Hung::new(self.clone(), !self.0.settings.offline)
    }
}

fn check_size(reference: &Reference, size: u64, limit: u64) -> Result<()> {
    match size > limit {
        false => Ok(()),
        true => Err(Error::new(
            ErrorKind::TooLarge,
            format!("{reference} has {size} bytes, more than the {limit} that are allowed"),
        )),
    }
}

pub(crate) fn missing(reference: &Reference) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {reference}"))
}

pub(crate) fn not_here(reference: &Reference) -> Error {
    Error::new(
        ErrorKind::Offline,
        format!("{reference} is not in the store, and the network may not be asked; pull it first"),
    )
}

fn changed(reference: &Reference, digest: &str) -> Error {
    Error::new(
        ErrorKind::Digest,
        format!("{digest} of {reference} has changed in the store; pull it again with a network"),
    )
}
