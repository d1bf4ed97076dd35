//! Plugins and models in registries, and what may run here.

use std::path::PathBuf;
use std::sync::Arc;

use wudf::nn;
use wudf::{Error, ErrorKind, Result};
use wudf_backends::source::{self, Sources};
use wudf_registry::policy::Policy;
use wudf_registry::{Reference, Registry, Settings};

/// How registries are used, and what they may give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registries {
    /// The folder that keeps what was pulled. When `None`: the one that the
    /// variable `WUDF_STORE` names, else `wudf/registry` in the user's cache.
    pub store: Option<PathBuf>,
    /// Whether the network is left alone.
    pub offline: bool,
    /// Whether registries on other machines may be spoken to without TLS.
    pub plain_http: bool,
    /// The lock file that pins references.
    pub lock: Option<PathBuf>,
    /// Whether what the lock file does not pin is refused.
    pub locked: bool,
    /// The file that says who signs what. When `None`: where
    /// [`Policy::find`] looks.
    pub policy: Option<PathBuf>,
}

/// Told about the progress of a download: what, bytes so far, and bytes in all if known.
pub type OnProgress = Arc<dyn Fn(&str, u64, Option<u64>) + Send + Sync>;

/// Told that a plugin is compiled: its name, its size in bytes, and the work, which it is to call.
pub type OnCompile = Arc<dyn Fn(&str, usize, &mut (dyn FnMut() + Send)) + Send + Sync>;

/// How downloads are kept, and how what takes a while is shown.
#[derive(Clone, Default)]
pub struct Fetch {
    /// The folder that keeps models from the web and what is made of models;
    /// in the user's cache when `None`.
    pub cache: Option<PathBuf>,
    /// Told about the progress of downloads.
    pub progress: Option<OnProgress>,
    /// Told that a plugin is compiled, or found in the cache of compiled plugins.
    pub compiling: Option<OnCompile>,
}

impl Registries {
    /// Speaks to registries.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] and [`ErrorKind::Refused`] when the lock file cannot be read.
    pub fn open(&self, fetch: &Fetch) -> Result<Registry> {
        let mut settings = Settings::default();
        let store = || std::env::var_os("WUDF_STORE").filter(|folder| !folder.is_empty());
        settings.store = self.store.clone().or_else(|| store().map(PathBuf::from));
        settings.offline = self.offline;
        settings.plain_http = self.plain_http;
        settings.lock.clone_from(&self.lock);
        settings.locked = self.locked;
        settings.progress = fetch.progress.clone().map(|told| {
            Arc::new(move |progress: &wudf_registry::Progress<'_>| {
                told(progress.what, progress.done, progress.total);
            }) as wudf_registry::OnProgress
        });
        Registry::new(settings).map_err(error)
    }

    /// Who signs what.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when there is a policy that cannot be read.
    pub fn policy(&self) -> Result<Option<Policy>> {
        // What cannot be read allows nothing.
        Policy::find(self.policy.as_deref())
            .map_err(|e| Error::new(ErrorKind::Refused, e.to_string()))
    }

    /// Where models come from.
    pub fn sources(&self, fetch: &Fetch) -> Arc<Sources> {
        let mut options = source::Options::default();
        options.cache.clone_from(&fetch.cache);
        options.progress = fetch.progress.clone().map(|told| {
            Arc::new(move |progress: &source::Progress<'_>| {
                told(progress.url, progress.received, progress.total);
            }) as source::OnProgress
        });
        let (registries, fetch) = (self.clone(), fetch.clone());
        options.pull = Some(Arc::new(move |reference: &str| {
            let refused =
                |e: wudf_registry::Error| nn::Error::new(model_kind(e.kind()), e.to_string());
            let registry = registries
                .open(&fetch)
                .map_err(|e| nn::Error::new(nn::ErrorKind::Runtime, e.to_string()))?;
            let reference: Reference = reference.parse().map_err(refused)?;
            Ok(registry.pull_model(&reference).map_err(refused)?.path)
        }));
        Arc::new(Sources::new(options))
    }
}

/// A registry's error as the runtime's.
pub fn error(error: wudf_registry::Error) -> Error {
    use wudf_registry::ErrorKind as Kind;
    let kind = match error.kind() {
        Kind::Invalid | Kind::NotFound => ErrorKind::UnknownPlugin,
        kind if is_refusal(kind) => ErrorKind::Refused,
        Kind::Io => ErrorKind::Io,
        _ => ErrorKind::Registry,
    };
    Error::new(kind, error.to_string())
}

/// Whether it says that something may not run here, not that it cannot.
pub fn is_refusal(kind: wudf_registry::ErrorKind) -> bool {
    use wudf_registry::ErrorKind as Kind;
    matches!(kind, Kind::Digest | Kind::Locked | Kind::Refused)
}

fn model_kind(kind: wudf_registry::ErrorKind) -> nn::ErrorKind {
    use wudf_registry::ErrorKind as Kind;
    match kind {
        Kind::Invalid => nn::ErrorKind::InvalidArgument,
        Kind::NotFound => nn::ErrorKind::NotFound,
        Kind::Digest | Kind::Locked | Kind::Refused | Kind::Unauthorized => nn::ErrorKind::Security,
        Kind::TooLarge => nn::ErrorKind::TooLarge,
        _ => nn::ErrorKind::Runtime,
    }
}
