//! One registry, as one operation talks to it.
//!
//! The protocol is written here, on the HTTP client that downloads models too.
//! The crate oci-client was read for it and left: it reads manifests, tokens
//! and errors of any length into memory, panics on some tokens and locations
//! (each an `unwrap` on a header), hides why a token was refused, fetches from
//! addresses that a manifest names, follows redirects from TLS to plain HTTP,
//! sends what is for this machine through a proxy, and needs a runtime.

mod auth;
mod fetch;
mod push;

pub(crate) use fetch::Sink;
pub(crate) use push::Payload;

use std::cell::{OnceCell, RefCell};
use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

use ureq::http::{self, Method, header};
use ureq::{Agent, Body, SendBody};
use url::{Host, Url};

use crate::settings::Settings;
use crate::text::brief;
use crate::{Error, ErrorKind, Result};

type Response = http::Response<Body>;

/// How often a redirect is followed.
const REDIRECTS: usize = 5;
/// The most bytes of an answer that is not what was asked for.
const ANSWER_LIMIT: u64 = 64 << 10;
/// The longest that a server may ask to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A registry. It lives as long as one operation does: nothing is left of it
/// when a process forks.
pub(crate) struct Client<'a> {
    settings: &'a Settings,
    host: &'a str,
    base: OnceCell<Url>,
    near: OnceCell<Agent>,
    far: OnceCell<Agent>,
    /// The header that the registry wanted last, and what for.
    authorization: RefCell<Option<(String, String)>>,
}

/// Why a try failed, and whether another may not.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Error,
    passing: bool,
    wait: Option<Duration>,
}

impl Failure {
    fn lasting(error: Error) -> Self {
        Self {
            error,
            passing: false,
            wait: None,
        }
    }

    fn passing(error: Error) -> Self {
        Self {
            error,
            passing: true,
            wait: None,
        }
    }
}

/// A request.
struct Ask<'a> {
    method: Method,
    url: Url,
    headers: Vec<(header::HeaderName, String)>,
    body: Payload<'a>,
    /// What a token must be for.
    scope: &'a str,
    /// What is on its way, for those who watch.
    what: &'a str,
}

impl<'a> Ask<'a> {
    fn new(method: Method, url: Url, scope: &'a str) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Payload::Nothing,
            scope,
            what: "",
        }
    }
}

impl<'a> Client<'a> {
    pub(crate) fn new(settings: &'a Settings, host: &'a str) -> Self {
        Self {
            settings,
            host,
            base: OnceCell::new(),
            near: OnceCell::new(),
            far: OnceCell::new(),
            authorization: RefCell::new(None),
        }
    }

    fn error(&self, kind: ErrorKind, why: impl AsRef<str>) -> Error {
        Error::new(kind, format!("{}: {}", self.host, why.as_ref()))
    }

    /// The address of something in a repository.
    fn url(&self, repository: &str, rest: &str) -> Result<Url, Failure> {
        let base = self.base()?;
        base.join(&format!("v2/{repository}/{rest}"))
            .map_err(|e| Failure::lasting(self.error(ErrorKind::Invalid, e.to_string())))
    }

    /// TLS, but where it was waived, or on this machine if the server there
    /// has none.
    fn base(&self) -> Result<&Url, Failure> {
        if let Some(base) = self.base.get() {
            return Ok(base);
        }
        // Its references name docker's hub by another name than its server has.
        let server = match self.host {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            host => host,
        };
        let parse = |scheme: &str| {
            Url::parse(&format!("{scheme}://{server}/")).map_err(|_| {
                Failure::lasting(self.error(ErrorKind::Invalid, "this is no address of a registry"))
            })
        };
        let plain = parse("http")?;
        let base = if self.settings.plain_http {
            plain
        } else if is_loopback(&plain) && !self.speaks_tls(&plain)? {
            plain
        } else {
            parse("https")?
        };
        Ok(self.base.get_or_init(|| base))
    }

    /// Whether a server of this machine wants TLS. It is asked without; servers
    /// that want it answer with 400, an alert, or not at all.
    fn speaks_tls(&self, plain: &Url) -> Result<bool, Failure> {
        let gone = |e: io::Error| {
            let why = format!("it cannot be reached: {e}");
            Failure::passing(self.error(ErrorKind::Network, why))
        };
        let host = plain.host_str().unwrap_or_default();
        let port = plain.port_or_known_default().unwrap_or(80);
        let silence = self.settings.silence;
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        let bare = host.trim_matches(['[', ']']);
        for address in (bare, port).to_socket_addrs().map_err(gone)? {
            let mut stream = match TcpStream::connect_timeout(&address, silence) {
                Ok(stream) => stream,
                Err(e) => {
                    last = e;
                    continue;
                }
            };
            stream.set_read_timeout(Some(silence)).map_err(gone)?;
            stream.set_write_timeout(Some(silence)).map_err(gone)?;
            let request = format!(
                "GET /v2/ HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {AGENT}\r\nConnection: close\r\n\r\n"
            );
            let mut start = Vec::new();
            let read = stream
                .write_all(request.as_bytes())
                .and_then(|()| stream.take(12).read_to_end(&mut start));
            return match read {
                Err(e) if is_timeout(&e) => Err(gone(e)),
                _ => Ok(!start.starts_with(b"HTTP/1.") || start.ends_with(b" 400")),
            };
        }
        Err(gone(last))
    }

    fn agent(&self, url: &Url) -> &Agent {
        let near = is_loopback(url);
        let cell = if near { &self.near } else { &self.far };
        cell.get_or_init(|| {
            let silence = Some(self.settings.silence);
            let tls = ureq::tls::TlsConfig::builder()
                .root_certs(ureq::tls::RootCerts::PlatformVerifier)
                .build();
            let config = Agent::config_builder()
                .tls_config(tls)
                .http_status_as_error(false)
                .user_agent(AGENT)
                // Redirects are ours: where to, and what goes with them.
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_connect(silence)
                .timeout_per_read(silence)
                .timeout_per_write(silence);
            let config = match near {
                true => config.proxy(None),
                false => config,
            };
            config.build().new_agent()
        })
    }

    /// Tries until it works, it is clear that it will not, or often enough.
    fn retry<T>(&self, mut work: impl FnMut() -> Result<T, Failure>) -> Result<T> {
        let mut wait = self.settings.backoff;
        let mut attempt = 1;
        loop {
            let failure = match work() {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            if !failure.passing || attempt >= self.settings.attempts {
                return Err(failure.error);
            }
            tracing::warn!("{}; trying again", failure.error);
            thread::sleep(failure.wait.map_or(wait, |asked| asked.max(wait)));
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
            attempt += 1;
        }
    }

    /// One answer, behind redirects and the registry's wish to know who asks.
    fn send(&self, mut ask: Ask<'_>) -> Result<Response, Failure> {
        let mut introduced = false;
        let mut redirects = 0;
        loop {
            let ours = self.is_ours(&ask.url)?;
            let authorization = match ours {
                true => self.authorization_for(ask.scope),
                false => None,
            };
            let response = self.send_once(&ask, authorization.as_deref())?;
            let status = response.status();
            if status == 401 && ours && !introduced {
                introduced = true;
                self.authorize(&response, ask.scope)?;
                continue;
            }
            let follow = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
                && [Method::GET, Method::HEAD].contains(&ask.method);
            if !follow {
                return Ok(response);
            }
            redirects += 1;
            if redirects > REDIRECTS {
                let why = "it sends from one address to the next without end";
                return Err(Failure::lasting(self.error(ErrorKind::Artifact, why)));
            }
            ask.url = self.location(&response, &ask.url)?;
        }
    }

    /// Whether an address is the registry's own. Only there credentials go:
    /// what it points at elsewhere, storage above all, has no business with
    /// them.
    fn is_ours(&self, url: &Url) -> Result<bool, Failure> {
        Ok(self.base()?.origin() == url.origin())
    }

    /// Where a response points.
    fn location(&self, response: &Response, from: &Url) -> Result<Url, Failure> {
        let wrong = |why: &str| Failure::lasting(self.error(ErrorKind::Artifact, why));
        let to = response
            .headers()
            .get(header::LOCATION)
            .and_then(|to| to.to_str().ok())
            .and_then(|to| from.join(to).ok())
            .filter(|to| to.has_host() && matches!(to.scheme(), "http" | "https"))
            .ok_or_else(|| wrong("it points at what is no address"))?;
        self.allowed(&to, from)?;
        Ok(to)
    }

    /// Plain HTTP is no way out of TLS, and none off this machine.
    fn allowed(&self, to: &Url, from: &Url) -> Result<(), Failure> {
        let plain = to.scheme() == "http";
        let waived = from.scheme() == "http" && (self.settings.plain_http || is_loopback(to));
        match plain && !waived {
            false => Ok(()),
            true => Err(Failure::lasting(self.error(
                ErrorKind::Network,
                format!(
                    "it points at {}, which is plain HTTP",
                    brief(to.host_str().unwrap_or_default())
                ),
            ))),
        }
    }

    fn send_once(&self, ask: &Ask<'_>, authorization: Option<&str>) -> Result<Response, Failure> {
        let mut request = http::Request::builder()
            .method(&ask.method)
            .uri(ask.url.as_str());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let broken = |e: http::Error| {
            Failure::lasting(self.error(ErrorKind::Artifact, brief(&e.to_string())))
        };
        let agent = self.agent(&ask.url);
        if let Payload::Nothing = ask.body {
            let request = request.body(()).map_err(broken)?;
            return agent.run(request).map_err(|e| self.failed(e));
        }
        let mut reader = ask
            .body
            .open(self.settings, ask.what)
            .map_err(Failure::lasting)?;
        let request = request
            .header(header::CONTENT_LENGTH, ask.body.len())
            .body(SendBody::from_reader(&mut reader))
            .map_err(broken)?;
        agent.run(request).map_err(|e| self.failed(e))
    }

    /// What no answer means.
    fn failed(&self, e: ureq::Error) -> Failure {
        let network = |why: String| self.error(ErrorKind::Network, why);
        // What rustls says of a certificate; it will say so again.
        let distrust = |why: &str| {
            Failure::lasting(network(format!(
                "its TLS is not to be trusted ({}); a private authority's certificate can be named in SSL_CERT_FILE",
                brief(why)
            )))
        };
        match e {
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
    fn refused(&self, response: Response, what: &str) -> Failure {
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
    fn body(&self, response: Response, limit: u64, what: &str) -> Result<Vec<u8>, Failure> {
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

    fn interrupted(&self, e: &io::Error) -> Failure {
        let why = format!(
            "the connection was lost half-way: {}",
            brief(&e.to_string())
        );
        Failure::passing(self.error(ErrorKind::Network, why))
    }
}

const AGENT: &str = concat!("wudf/", env!("CARGO_PKG_VERSION"));

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

fn is_timeout(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

/// Whether an address is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}
