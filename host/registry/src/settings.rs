//! How a registry is asked, and where what it gives is kept.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How registries are asked, and where what they give is kept.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The folder that keeps what was pulled; `wudf/registry` in the user's
    /// cache folder when `None`. Processes may share it.
    pub store: Option<PathBuf>,
    /// Nothing but the store is asked.
    pub offline: bool,
    /// Plain HTTP to every registry; otherwise only to those of this machine.
    pub plain_http: bool,
    /// A lock file to heed.
    pub lock: Option<PathBuf>,
    /// What the lock file does not pin is refused.
    pub locked: bool,
    /// How often a request is tried; 4 times by default. Only what may pass is
    /// tried again: no connection, a connection lost, a server in trouble.
    pub attempts: u32,
    /// How long to wait before the second try, and twice as long before each
    /// further one; half a second by default. A server may ask for longer.
    pub backoff: Duration,
    /// How long a server may keep silent; 30 seconds by default.
    pub silence: Duration,
    /// The most bytes that a plugin may have; 256 MiB by default.
    pub plugin_limit: u64,
    /// The most bytes that a model's file may have; 16 GiB by default.
    pub model_limit: u64,
    /// Told how pulls and pushes go on, many times a second.
    pub progress: Option<OnProgress>,
}

/// Called with how far a file has come, in either direction.
pub type OnProgress = Arc<dyn Fn(&Progress<'_>) + Send + Sync>;

impl Default for Settings {
    fn default() -> Self {
        Self {
            store: None,
            offline: false,
            plain_http: false,
            lock: None,
            locked: false,
            attempts: 4,
            backoff: Duration::from_millis(500),
            silence: Duration::from_secs(30),
            plugin_limit: 256 << 20,
            model_limit: 16 << 30,
            progress: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("store", &self.store)
            .field("offline", &self.offline)
            .field("plain_http", &self.plain_http)
            .field("lock", &self.lock)
            .field("locked", &self.locked)
            .finish_non_exhaustive()
    }
}

impl Settings {
    pub(crate) fn report(&self, what: &str, done: u64, total: Option<u64>) {
        if let Some(progress) = &self.progress {
            progress(&Progress { what, done, total });
        }
    }
}

/// How far a file has come.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// What is on its way.
    pub what: &'a str,
    /// Bytes that have passed.
    pub done: u64,
    /// Bytes in all, where that is known.
    pub total: Option<u64>,
}

/// `wudf/registry` where the system wants a user's caches.
pub(crate) fn user_store() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let cache = if cfg!(windows) {
        absolute("LOCALAPPDATA")?
    } else if cfg!(target_os = "macos") {
        std::env::home_dir()?.join("Library").join("Caches")
    } else {
        absolute("XDG_CACHE_HOME").or_else(|| {
            std::env::home_dir()
                .filter(|home| home.is_absolute())
                .map(|home| home.join(".cache"))
        })?
    };
    Some(cache.join("wudf").join("registry"))
}
