//! Reading a location.

use std::path::PathBuf;

use wudf::nn::{Error, ErrorKind, ModelSource};

/// A location, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A file on this machine.
    Path(PathBuf),
    /// A file on a server, and its digest.
    Url {
        /// The address, without the digest.
        url: String,
        /// The file's SHA-256.
        sha256: [u8; 32],
    },
    /// A model in a registry, by its whole reference.
    Registry(String),
    /// A network of [`seeded`](crate::seeded), by its location without the scheme.
    Seeded(String),
}

impl Source {
    /// Takes a location apart; touches neither files nor network.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when a URL has no digest or one that
    /// is no SHA-256, [`ErrorKind::Security`] when it would send `http:`
    /// further than this machine, [`ErrorKind::Unsupported`] for other schemes.
    pub fn parse(location: &str) -> Result<Self, Error> {
        if let Some(network) = location.strip_prefix("seeded:") {
            return Ok(Self::Seeded(network.into()));
        }
        let Some((scheme, rest)) = location
            .split_once("://")
            .filter(|(scheme, _)| is_scheme(scheme))
        else {
            if location.is_empty() {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "a model without a location",
                ));
            }
            return Ok(Self::Path(location.into()));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "https" => {}
            "http" if is_loopback(rest) => {}
            "http" => {
                return Err(Error::new(
                    ErrorKind::Security,
                    format!("`{location}`: models come over https; http is for this machine only"),
                ));
            }
            "oci" => return Ok(Self::Registry(location.into())),
            _ => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "`{location}`: a model comes from a path, `https://`, `oci://`, or `seeded:`"
                    ),
                ));
            }
        }
        let digest = location.split_once("#sha256=");
        let Some((url, sha256)) = digest.and_then(|(url, hex)| Some((url, parse_sha256(hex)?)))
        else {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "`{location}`: a model's address ends in its digest, `#sha256=` and 64 hexadecimal digits"
                ),
            ));
        };
        Ok(Self::Url {
            url: url.into(),
            sha256,
        })
    }

    /// The location of a catalogue's entry, taken apart; `None` for bytes that
    /// a plugin handed over and for locations that cannot be read.
    pub fn of(source: &ModelSource) -> Option<Self> {
        match source {
            ModelSource::Location(location) => Self::parse(location).ok(),
            _ => None,
        }
    }

    /// What to call the model in front of people: where it comes from, without
    /// its digest, and whether it is [untrained](Source::is_untrained).
    pub fn label(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Url { url, .. } => url.clone(),
            Self::Registry(reference) => reference.clone(),
            Self::Seeded(network) => format!("seeded:{network} (untrained)"),
        }
    }

    /// Whether the model's weights are random, so that its output means
    /// nothing.
    pub fn is_untrained(&self) -> bool {
        matches!(self, Self::Seeded(_))
    }
}

/// Letters, digits, `+`, `-` and `.`, at least two so that `C://` is a path.
fn is_scheme(scheme: &str) -> bool {
    scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Whether what follows `http://` names this machine, by address or as
/// `localhost`.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

pub(crate) fn parse_sha256(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (n, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    // `from_str_radix` takes a sign.
    (!hex.contains(['+', '-'])).then_some(digest)
}
