//! Manifests and blobs from a registry.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};
use ureq::http::{Method, header};

use super::{Ask, Client, Failure, Response};
use crate::artifact::{DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST};
use crate::attachments::MANIFEST_LIMIT;
use crate::reference::is_digest;
use crate::text::{brief, digest_of, hex};
use crate::{Error, ErrorKind, Result};

/// So much of a blob on one connection is worth a fresh round of tries.
const PROGRESS: u64 = 1 << 20;

/// Where a blob arrives: beside its place in the store, or in memory.
pub(crate) struct Sink {
    target: Target,
    hash: Sha256,
    len: u64,
}

enum Target {
    File(File),
    Memory(Vec<u8>),
}

impl Sink {
    pub(crate) fn memory() -> Self {
        Self {
            target: Target::Memory(Vec::new()),
            hash: Sha256::new(),
            len: 0,
        }
    }

    /// A file that may hold the start of the blob.
    pub(crate) fn file(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let mut hash = Sha256::new();
        let len = io::copy(&mut file, &mut hash)?;
        Ok(Self {
            target: Target::File(file),
            hash,
            len,
        })
    }

    /// What has arrived.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self.target {
            Target::Memory(bytes) => bytes,
            Target::File(_) => Vec::new(),
        }
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        match &self.target {
            Target::File(file) => file.sync_all(),
            Target::Memory(_) => Ok(()),
        }
    }

    fn restart(&mut self) -> io::Result<()> {
        self.hash = Sha256::new();
        self.len = 0;
        match &mut self.target {
            Target::File(file) => {
                file.set_len(0)?;
                file.seek(SeekFrom::Start(0)).map(drop)
            }
            Target::Memory(bytes) => {
                bytes.clear();
                Ok(())
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.target {
            Target::File(file) => file.write_all(bytes)?,
            Target::Memory(all) => all.extend_from_slice(bytes),
        }
        self.hash.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn digest(&self) -> String {
        format!("sha256:{}", hex(&self.hash.clone().finalize()))
    }
}

impl Client<'_> {
    /// The digest of what stands under a tag, as the registry has it; `None`
    /// when nothing does. What is fetched by it is checked against it.
    pub(crate) fn digest(&self, repository: &str, tag: &str) -> Result<Option<String>> {
        let what = format!("{repository}:{tag}");
        let asked = self.retry(|| {
            let response = self.ask_manifest(Method::HEAD, repository, tag)?;
            match response.status().as_u16() {
                200 => Ok(Some(declared(&response))),
                404 => Ok(None),
                // Some know no HEAD.
                400 | 405 | 501 => Ok(Some(None)),
                _ => Err(self.refused(response, &what)),
            }
        })?;
        match asked {
            Some(Some(digest)) => Ok(Some(digest)),
            Some(None) => Ok(self
                .manifest(repository, tag)?
                .map(|bytes| digest_of(&bytes))),
            None => Ok(None),
        }
    }

    /// The bytes of a manifest, by tag or digest; `None` when there is none.
    pub(crate) fn manifest(&self, repository: &str, name: &str) -> Result<Option<Vec<u8>>> {
        let by_digest = is_digest(name);
        let what = match by_digest {
            true => format!("{repository}@{name}"),
            false => format!("{repository}:{name}"),
        };
        self.retry(|| {
            let response = self.ask_manifest(Method::GET, repository, name)?;
            match response.status().as_u16() {
                200 => {}
                404 => return Ok(None),
                _ => return Err(self.refused(response, &what)),
            }
            let wanted = match by_digest {
                true => Some(name.to_owned()),
                false => declared(&response),
            };
            let limit = MANIFEST_LIMIT as u64;
            let bytes = self.body(response, limit, &format!("the manifest of {what}"))?;
            match wanted {
                Some(wanted) if wanted != digest_of(&bytes) => Err(Failure::lasting(self.error(
                    ErrorKind::Digest,
                    format!(
                        "the manifest of {what} is not what it should be: its digest is {}, not {wanted}",
                        digest_of(&bytes)
                    ),
                ))),
                _ => Ok(Some(bytes)),
            }
        })
    }

    fn ask_manifest(
        &self,
        method: Method,
        repository: &str,
        name: &str,
    ) -> Result<Response, Failure> {
        let scope = pull_scope(repository);
        let url = self.url(repository, &format!("manifests/{name}"))?;
        let mut ask = Ask::new(method, url, &scope);
        let types = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX].join(", ");
        ask.headers.push((header::ACCEPT, types));
        self.send(ask)
    }

    /// What the registry lists as hanging on a manifest; `None` where it does
    /// not keep such lists.
    pub(crate) fn referrers(&self, repository: &str, digest: &str) -> Result<Option<Vec<u8>>> {
        let scope = pull_scope(repository);
        self.retry(|| {
            let url = self.url(repository, &format!("referrers/{digest}"))?;
            let mut ask = Ask::new(Method::GET, url, &scope);
            ask.headers.push((header::ACCEPT, INDEX.to_owned()));
            let response = self.send(ask)?;
            match response.status().as_u16() {
                200 => {
                    let limit = MANIFEST_LIMIT as u64;
                    let what = format!("the list of what hangs on {repository}@{digest}");
                    self.body(response, limit, &what).map(Some)
                }
                // What registries say that do not know the question.
                400 | 404 | 405 | 501 => Ok(None),
                _ => Err(self.refused(response, "the question for signatures")),
            }
        })
    }

    /// Fetches a blob into a sink, from where the sink ends. `size` is a bound
    /// that holds whatever the server sends; `None` for a blob whose size is
    /// not known, which may have `limit` bytes.
    pub(crate) fn blob(
        &self,
        repository: &str,
        digest: &str,
        size: Option<u64>,
        limit: u64,
        what: &str,
        sink: &mut Sink,
    ) -> Result<()> {
        // The start that is there may be what is wrong.
        let mut stale = sink.len > 0;
        let mut reached = sink.len;
        loop {
            let whole = self.retry(|| {
                let result = self.blob_once(repository, digest, size, limit, what, sink);
                match result {
                    // A long blob on a poor line comes in many pieces: a try
                    // that came further than any before does not count.
                    Err(failure) if failure.passing && sink.len >= reached + PROGRESS => {
                        tracing::warn!("{}; going on", failure.error);
                        reached = sink.len;
                        Ok(false)
                    }
                    Err(failure) => Err(failure),
                    Ok(()) => Ok(true),
                }
            })?;
            if !whole {
                continue;
            }
            let found = sink.digest();
            if found == digest {
                return Ok(());
            }
            sink.restart().map_err(|e| unwritten(&e))?;
            if !stale {
                return Err(self.error(
                    ErrorKind::Digest,
                    format!("{what} is not what it should be: its digest is {found}, not {digest}"),
                ));
            }
            tracing::warn!("what was there of {what} is broken; starting over");
            stale = false;
            reached = 0;
        }
    }

    fn blob_once(
        &self,
        repository: &str,
        digest: &str,
        size: Option<u64>,
        limit: u64,
        what: &str,
        sink: &mut Sink,
    ) -> Result<(), Failure> {
        let io = |e: io::Error| Failure::lasting(unwritten(&e));
        if size.is_some_and(|size| sink.len > size) {
            sink.restart().map_err(io)?;
        }
        if size == Some(sink.len) {
            return Ok(());
        }
        let scope = pull_scope(repository);
        let url = self.url(repository, &format!("blobs/{digest}"))?;
        let mut ask = Ask::new(Method::GET, url, &scope);
        if sink.len > 0 {
            ask.headers
                .push((header::RANGE, format!("bytes={}-", sink.len)));
        }
        let response = self.send(ask)?;
        match response.status().as_u16() {
            206 if sink.len > 0 && begins_at(&response, sink.len) => {}
            // It knows no ranges, or another than the one that was asked for.
            200 => sink.restart().map_err(io)?,
            206 | 416 if sink.len > 0 => {
                sink.restart().map_err(io)?;
                let why = format!("it cannot go on with {what}");
                return Err(Failure::passing(self.error(ErrorKind::Network, why)));
            }
            _ => return Err(self.refused(response, what)),
        }
        let bound = size.unwrap_or(limit);
        let too_large = || {
            let (kind, why) = match size {
                Some(size) => (
                    ErrorKind::Artifact,
                    format!("{what} is larger than the {size} bytes that its manifest names"),
                ),
                None => (
                    ErrorKind::TooLarge,
                    format!("{what} is larger than {limit} bytes"),
                ),
            };
            Failure::lasting(self.error(kind, why))
        };
        let body = response.into_body();
        let total = body
            .content_length()
            .map(|rest| rest.saturating_add(sink.len));
        if total.is_some_and(|total| total > bound) {
            return Err(too_large());
        }
        if let (Some(total), Some(size)) = (total, size)
            && total < size
        {
            return Err(Failure::lasting(self.error(
                ErrorKind::Artifact,
                format!("{what} has {total} bytes, not the {size} that its manifest names"),
            )));
        }
        let mut reader = body.into_reader();
        let mut chunk = vec![0; 256 << 10];
        loop {
            let n = match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.interrupted(&e)),
            };
            if sink.len + n as u64 > bound {
                return Err(too_large());
            }
            sink.push(&chunk[..n]).map_err(io)?;
            self.settings.report(what, sink.len, size.or(total));
        }
        match size.or(total) {
            Some(size) if sink.len < size => {
                Err(self.interrupted(&io::ErrorKind::UnexpectedEof.into()))
            }
            _ => Ok(()),
        }
    }
}

fn pull_scope(repository: &str) -> String {
    format!("repository:{repository}:pull")
}

/// What the registry says the digest is.
fn declared(response: &Response) -> Option<String> {
    let digest = response.headers().get("docker-content-digest")?;
    let digest = digest.to_str().ok()?.trim();
    is_digest(digest).then(|| digest.to_owned())
}

fn begins_at(response: &Response, start: u64) -> bool {
    response
        .headers()
        .get(header::CONTENT_RANGE)
        .and_then(|range| range.to_str().ok())
        .and_then(|range| range.strip_prefix("bytes ")?.split_once('-'))
        .is_some_and(|(from, _)| from.parse() == Ok(start))
}

fn unwritten(e: &io::Error) -> Error {
    let why = brief(&e.to_string());
    Error::new(ErrorKind::Io, format!("cannot write to the store: {why}"))
}
