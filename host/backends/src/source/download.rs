//! Downloading a model once, into a cache named by digests.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wudf::nn::{Error, ErrorKind};

/// How models are downloaded.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// The folder that keeps downloads; `wudf/models` in the user's cache
    /// folder when `None`. Processes may share it.
    pub cache: Option<PathBuf>,
    /// The most bytes that a model may have; 4 GiB by default.
    pub limit: u64,
    /// How often a download is tried; 4 times by default. Only what may pass
    /// is tried again: no connection, a connection lost, a server in trouble.
    pub attempts: u32,
    /// How long to wait before the second try, and twice as long before each
    /// further one; half a second by default.
    pub backoff: Duration,
    /// How long a server may keep silent; 30 seconds by default.
    pub silence: Duration,
    /// Told how a download goes on, many times a second.
    pub progress: Option<OnProgress>,
    /// What finds models in registries; without it there are none.
    pub pull: Option<Pull>,
}

/// Finds the file of a model in a registry, by its reference `oci://...`; files
/// that it keeps weights in lie beside it.
pub type Pull = Arc<dyn Fn(&str) -> Result<PathBuf, Error> + Send + Sync>;

/// Called with how far a download has come.
pub type OnProgress = Arc<dyn Fn(&Progress<'_>) + Send + Sync>;

impl Default for Options {
    fn default() -> Self {
        Self {
            cache: None,
            limit: 4 << 30,
            attempts: 4,
            backoff: Duration::from_millis(500),
            silence: Duration::from_secs(30),
            progress: None,
            pull: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("cache", &self.cache)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// How far a download has come.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// What is downloaded.
    pub url: &'a str,
    /// Bytes received.
    pub received: u64,
    /// Bytes in all, if the server says.
    pub total: Option<u64>,
}

/// The file at `url`, from the cache or the network, checked against its
/// digest.
pub(super) fn fetch(url: &str, sha256: &[u8; 32], options: &Options) -> Result<Vec<u8>, Error> {
    // One at a time of each: callers that want the same file then find it in the cache, and
    // a server that does not answer holds up nobody else.
    let slot = underway(sha256);
    let _one = slot.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = options.cache.clone().or_else(user_cache);
    let kept = cache
        .as_ref()
        .map(|cache| cache.join(format!("sha256-{}.onnx", hex(sha256))));
    if let Some(bytes) = kept.as_deref().and_then(|kept| from_cache(kept, sha256)) {
        return Ok(bytes);
    }
    let bytes = with_retries(url, sha256, options)?;
    // A cache that cannot be written costs the next process a download.
    match kept.as_deref().map(|kept| keep(kept, &bytes)) {
        None => tracing::warn!("no cache folder: {url} will be downloaded again"),
        Some(Err(e)) => tracing::warn!("cannot keep {url} in the cache: {e}"),
        Some(Ok(())) => {}
    }
    Ok(bytes)
}

/// What is locked while a file is downloaded.
fn underway(sha256: &[u8; 32]) -> Arc<Mutex<()>> {
    static UNDERWAY: Mutex<BTreeMap<[u8; 32], Arc<Mutex<()>>>> = Mutex::new(BTreeMap::new());
    let mut underway = UNDERWAY.lock().unwrap_or_else(PoisonError::into_inner);
    underway.retain(|_, slot| Arc::strong_count(slot) > 1);
    Arc::clone(underway.entry(*sha256).or_default())
}

/// The cached file, its digest checked when this process first reads it.
fn from_cache(kept: &Path, sha256: &[u8; 32]) -> Option<Vec<u8>> {
    static CHECKED: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let bytes = fs::read(kept).ok()?;
    let mut checked = CHECKED.lock().unwrap_or_else(PoisonError::into_inner);
    let checked = checked.get_or_insert_default();
    if !checked.contains(kept) {
        if Sha256::digest(&bytes)[..] != sha256[..] {
            tracing::warn!(
                "{} has changed in the cache and is downloaded again",
                kept.display()
            );
            return None;
        }
        checked.insert(kept.to_owned());
    }
    Some(bytes)
}

/// Writes beside the place and renames, so that other processes see the whole
/// file or none.
fn keep(kept: &Path, bytes: &[u8]) -> io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    if let Some(folder) = kept.parent() {
        fs::create_dir_all(folder)?;
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let part = kept.with_extension(format!("{}-{number}.part", std::process::id()));
    let written = fs::File::create(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, kept));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

/// Why a try failed, and whether another may not.
struct Failure {
    error: Error,
    passing: bool,
}

fn with_retries(url: &str, sha256: &[u8; 32], options: &Options) -> Result<Vec<u8>, Error> {
    let agent = agent(url, options);
    let mut wait = options.backoff;
    for attempt in 1.. {
        match download(&agent, url, sha256, options) {
            Ok(bytes) => return Ok(bytes),
            Err(Failure {
                error,
                passing: true,
            }) if attempt < options.attempts => {
                tracing::warn!("{error}; trying again");
                thread::sleep(wait);
                wait = wait.saturating_mul(2);
            }
            Err(Failure { error, .. }) => return Err(error),
        }
    }
    Err(Error::new(
        ErrorKind::Runtime,
        format!("cannot download {url}"),
    ))
}

fn agent(url: &str, options: &Options) -> ureq::Agent {
    let https = url.len() >= 6 && url[..6].eq_ignore_ascii_case("https:");
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::PlatformVerifier)
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .user_agent(concat!("wudf/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(options.silence))
        .timeout_recv_response(Some(options.silence))
        .timeout_per_read(Some(options.silence));
    // Plain http stays on this machine: no proxy, and no redirect off it.
    let config = match https {
        true => config.https_only(true),
        false => config
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false),
    };
    config.build().new_agent()
}

fn download(
    agent: &ureq::Agent,
    url: &str,
    sha256: &[u8; 32],
    options: &Options,
) -> Result<Vec<u8>, Failure> {
    let failure = |kind, what: String, passing| Failure {
        error: Error::new(kind, format!("cannot download {url}: {what}")),
        passing,
    };
    let too_large = || {
        failure(
            ErrorKind::TooLarge,
            format!("it is larger than {} bytes", options.limit),
            false,
        )
    };
    let response = agent.get(url).call().map_err(|e| match e {
        ureq::Error::Timeout(_) => failure(ErrorKind::Timeout, e.to_string(), true),
        // What rustls says of a certificate; it will say so again.
        ureq::Error::Io(e) if e.kind() == io::ErrorKind::InvalidData => {
            failure(ErrorKind::Security, e.to_string(), false)
        }
        ureq::Error::Io(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
            failure(ErrorKind::NotFound, e.to_string(), true)
        }
        ureq::Error::Protocol(_) => failure(ErrorKind::Runtime, e.to_string(), true),
        e => failure(ErrorKind::NotFound, e.to_string(), false),
    })?;
    let status = response.status();
    if !status.is_success() {
        let passing = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        let kind = if passing {
            ErrorKind::Runtime
        } else {
            ErrorKind::NotFound
        };
        return Err(failure(
            kind,
            format!("the server answers {status}"),
            passing,
        ));
    }
    let body = response.into_body();
    let total = body.content_length();
    if total.is_some_and(|total| total > options.limit) {
        return Err(too_large());
    }
    let mut reader = body.into_reader();
    // A server may lie about the length: memory is taken as bytes arrive.
    let mut bytes = Vec::with_capacity(total.unwrap_or_default().min(256 << 20) as usize);
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 256 << 10];
    loop {
        let n = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => {
                let timeout = e.kind() == io::ErrorKind::TimedOut;
                let kind = if timeout {
                    ErrorKind::Timeout
                } else {
                    ErrorKind::Runtime
                };
                return Err(failure(kind, e.to_string(), true));
            }
        };
        hash.update(&chunk[..n]);
        bytes.extend_from_slice(&chunk[..n]);
        if bytes.len() as u64 > options.limit {
            return Err(too_large());
        }
        if let Some(progress) = &options.progress {
            progress(&Progress {
                url,
                received: bytes.len() as u64,
                total,
            });
        }
    }
    if total.is_some_and(|total| total != bytes.len() as u64) {
        return Err(failure(
            ErrorKind::Runtime,
            "the connection was lost half-way".into(),
            true,
        ));
    }
    let found = hash.finalize();
    if found[..] != sha256[..] {
        let what = format!("its SHA-256 is {}, not {}", hex(&found), hex(sha256));
        return Err(failure(ErrorKind::Security, what, false));
    }
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `models` in wudf's folder among the user's caches.
pub(super) fn user_cache() -> Option<PathBuf> {
    Some(wudf::cache::user_folder()?.join("models"))
}
