//! What a registry's answers mean, and what it means that there is none.

use std::io::{self, Read};
use std::time::Duration;

use ureq::http::header;

use super::{Client, Failure, LONGEST_WAIT, Response};
use crate::ErrorKind;
use crate::text::brief;

/// The most bytes of an answer that is not what was asked for.
pub(super) const ANSWER_LIMIT: u64 = 64 << 10;

impl Client<'_> {
    /// What no answer means.
    pub(super) fn failed(&self, e: ureq::Error) -> Failure {
        let network = |why: String| self.error(ErrorKind::Network, why);
        // What rustls says of a certificate; it will say so again.
        let distrust = |why: &str| {
            Failure::lasting(network(format!(
                "its TLS is not to be trusted ({}); a private authority's certificate can be named in SSL_CERT_FILE",
                brief(why)
            )))
        };
        match e {
            ureq::Error::Io(e) if e.to_string().contains("InvalidContentType") => Failure::lasting(
                network("it speaks no TLS; plain HTTP to other machines must be asked for".into()),
            ),
            ureq::Error::Io(e) if e.kind() == io::ErrorKind::InvalidData => {
                distrust(&e.to_string())
            }
            ureq::Error::Rustls(e) => distrust(&e.to_string()),
            ureq::Error::Timeout(_) => {
                Failure::passing(network("it does not answer in time".into()))
            }
            ureq::Error::Io(e) => Failure::passing(network(format!("the connection failed: {e}"))),
            ureq::Error::HostNotFound => Failure::passing(network("there is no such host".into())),
            ureq::Error::ConnectionFailed => {
                Failure::passing(network("it cannot be reached".into()))
            }
            ureq::Error::Protocol(e) => Failure::passing(network(brief(&e.to_string()))),
            e => Failure::lasting(network(brief(&e.to_string()))),
        }
    }

    /// What an answer means that is not what was asked for.
    pub(super) fn refused(&self, response: Response, what: &str) -> Failure {
        let status = response.status();
        let wait = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|wait| wait.to_str().ok()?.trim().parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
        let said = said(response);
        let said = match said.is_empty() {
            true => said,
            false => format!(" ({said})"),
        };
        let host = self.host;
        match status.as_u16() {
            401 | 403 => Failure::lasting(self.error(
                ErrorKind::Unauthorized,
                format!("{what} is not for you{said}; `docker login {host}` tells it who you are"),
            )),
            404 => Failure::lasting(
                self.error(ErrorKind::NotFound, format!("there is no {what}{said}")),
            ),
            code => Failure {
                error: self.error(
                    match code {
                        408 | 429 | 500.. => ErrorKind::Network,
                        _ => ErrorKind::Artifact,
                    },
                    format!("it answers {status} to {what}{said}"),
                ),
                passing: matches!(code, 408 | 429 | 500..),
                wait,
            },
        }
    }

    /// A body of at most `limit` bytes, and the whole of it.
    pub(super) fn body(
        &self,
        response: Response,
        limit: u64,
        what: &str,
    ) -> Result<Vec<u8>, Failure> {
        let too_large = || {
            Failure::lasting(self.error(
                ErrorKind::TooLarge,
                format!("{what} is larger than {limit} bytes"),
            ))
        };
        let body = response.into_body();
        let declared = body.content_length();
        if declared.is_some_and(|declared| declared > limit) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        body.into_reader()
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| self.interrupted(&e))?;
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
        match declared {
            Some(declared) if declared != bytes.len() as u64 => {
                Err(self.interrupted(&io::ErrorKind::UnexpectedEof.into()))
            }
            _ => Ok(bytes),
        }
    }

    pub(super) fn interrupted(&self, e: &io::Error) -> Failure {
        let why = format!(
            "the connection was lost half-way: {}",
            brief(&e.to_string())
        );
        Failure::passing(self.error(ErrorKind::Network, why))
    }
}

/// What a registry says about a failure: the first of its codes, as the
/// distribution specification has them.
fn said(response: Response) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        errors: Vec<One>,
    }
    #[derive(serde::Deserialize)]
    struct One {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let mut bytes = Vec::new();
    let read = response
        .into_body()
        .into_reader()
        .take(ANSWER_LIMIT)
        .read_to_end(&mut bytes);
    let said = read
        .ok()
        .and_then(|_| serde_json::from_slice::<Said>(&bytes).ok());
    match said.as_ref().and_then(|said| said.errors.first()) {
        None => String::new(),
        Some(one) if one.message.is_empty() => brief(&one.code),
        Some(one) => brief(&one.message),
    }
}
