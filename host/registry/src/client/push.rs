//! Blobs and manifests to a registry.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ureq::http::{Method, header};

use super::{Ask, Client, Failure};
use crate::settings::Settings;
use crate::text::brief;
use crate::{Error, ErrorKind, Result};

/// What goes up.
#[derive(Clone, Copy)]
pub(crate) enum Payload<'a> {
    Nothing,
    Bytes(&'a [u8]),
    File(&'a Path, u64),
}

impl<'a> Payload<'a> {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, len) => *len,
        }
    }

    pub(super) fn open(&self, settings: &'a Settings, what: &'a str) -> Result<Reader<'a>> {
        let source: Box<dyn Read + 'a> = match *self {
            Self::Nothing => Box::new(io::empty()),
            Self::Bytes(bytes) => Box::new(bytes),
            Self::File(path, len) => {
                let file = File::open(path).map_err(|e| {
                    let why = format!("cannot read {}: {e}", path.display());
                    Error::new(ErrorKind::Io, why)
                })?;
                Box::new(file.take(len))
            }
        };
        Ok(Reader {
            source,
            settings,
            what,
            done: 0,
            len: self.len(),
        })
    }
}

/// Tells those who watch how far it has come.
pub(super) struct Reader<'a> {
    source: Box<dyn Read + 'a>,
    settings: &'a Settings,
    what: &'a str,
    done: u64,
    len: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.done += n as u64;
        if !self.what.is_empty() && n > 0 {
            self.settings.report(self.what, self.done, Some(self.len));
        }
        Ok(n)
    }
}

impl Client<'_> {
    /// Puts a blob into a repository, if it is not there.
    pub(crate) fn upload(
        &self,
        repository: &str,
        digest: &str,
        payload: Payload<'_>,
        what: &str,
    ) -> Result<()> {
        let scope = push_scope(repository);
        self.retry(|| {
            let url = self.url(repository, &format!("blobs/{digest}"))?;
            let response = self.send(Ask::new(Method::HEAD, url, &scope))?;
            if response.status() == 200 {
                return Ok(());
            }
            // Who may not read may be told 403; whether they may write, the
            // next answer says.
            if response.status().is_server_error() || response.status() == 429 {
                return Err(self.refused(response, what));
            }
            let url = self.url(repository, "blobs/uploads/")?;
            let mut ask = Ask::new(Method::POST, url, &scope);
            // Some registries want to be told that nothing follows.
            ask.headers.push((header::CONTENT_LENGTH, "0".to_owned()));
            let from = ask.url.clone();
            let response = self.send(ask)?;
            if response.status() != 202 {
                return Err(self.refused(response, repository));
            }
            let mut url = self.upload_location(&response, &from)?;
            url.query_pairs_mut().append_pair("digest", digest);
            let mut ask = Ask::new(Method::PUT, url, &scope);
            let bytes = "application/octet-stream".to_owned();
            ask.headers.push((header::CONTENT_TYPE, bytes));
            ask.body = payload;
            ask.what = what;
            let response = self.send(ask)?;
            match response.status().as_u16() {
                201 => Ok(()),
                _ => Err(self.refused(response, what)),
            }
        })
    }

    /// Where a blob is to be put. Registries behind a proxy that ends TLS often
    /// do not know of it and name themselves without.
    fn upload_location(
        &self,
        response: &super::Response,
        from: &url::Url,
    ) -> Result<url::Url, Failure> {
        let wrong = || {
            let why = "it does not say where to put a file";
            Failure::lasting(self.error(ErrorKind::Artifact, why))
        };
        let mut to = response
            .headers()
            .get(header::LOCATION)
            .and_then(|to| from.join(to.to_str().ok()?).ok())
            .filter(|to| to.has_host() && matches!(to.scheme(), "http" | "https"))
            .ok_or_else(wrong)?;
        if from.scheme() == "https"
            && to.scheme() == "http"
            && (to.host_str(), to.port()) == (from.host_str(), from.port())
        {
            to.set_scheme("https").map_err(|()| wrong())?;
        }
        self.allowed(&to, from)?;
        Ok(to)
    }

    /// Puts a manifest under a tag or its digest.
    pub(crate) fn put_manifest(
        &self,
        repository: &str,
        name: &str,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<()> {
        let scope = push_scope(repository);
        self.retry(|| {
            let url = self.url(repository, &format!("manifests/{name}"))?;
            let mut ask = Ask::new(Method::PUT, url, &scope);
            ask.headers
                .push((header::CONTENT_TYPE, media_type.to_owned()));
            ask.body = Payload::Bytes(bytes);
            let response = self.send(ask)?;
            match response.status().as_u16() {
                200..=202 => Ok(()),
                _ => Err(self.refused(response, &brief(&format!("{repository}:{name}")))),
            }
        })
    }
}

fn push_scope(repository: &str) -> String {
    format!("repository:{repository}:pull,push")
}
