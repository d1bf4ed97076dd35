//! What a plugin or a model in a registry is called.

use std::fmt;
use std::str::FromStr;

use crate::{Error, ErrorKind, Result};

/// The scheme of references where other things may stand as well.
pub const SCHEME: &str = "oci://";

/// `oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:HEX]`. Without tag and digest
/// the tag is `latest`; a digest wins over a tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Reference {
    /// The registry: a host, and a port where one is named.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The repository in the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `None` where only a digest is named.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The manifest's digest, where it is named: `sha256:HEX`.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The same repository, by the digest of a manifest.
    #[must_use]
    pub fn at(&self, digest: &str) -> Self {
        Self {
            tag: None,
            digest: Some(digest.to_owned()),
            ..self.clone()
        }
    }

    /// The same repository, by another tag.
    #[must_use]
    pub fn tagged(&self, tag: &str) -> Self {
        Self {
            tag: Some(tag.to_owned()),
            digest: None,
            ..self.clone()
        }
    }

    /// The last part of the repository's name: what to call the plugin.
    pub fn name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }
}

/// With the scheme, as it can be parsed again.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// The scheme may be left out.
impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "`{text}` {why}; a reference is oci://HOST/NAME:TAG or oci://HOST/NAME@sha256:HEX"
                ),
            )
        };
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let (host, path) = rest
            .split_once('/')
            .ok_or_else(|| wrong("names no registry"))?;
        let is_host = host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c))
            && host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
        // As docker has it: anything else would be a folder on its own hub.
        if !is_host || !(host.contains(['.', ':']) || host == "localhost") {
            return Err(wrong("names no registry"));
        }
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest)),
            None => (path, None),
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(wrong("has no SHA-256 behind the @"));
        }
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        if repository.len() > 255 || !repository.split('/').all(is_component) {
            return Err(wrong(
                "has a name of other than lower-case letters, digits, `.`, `_` and `-`",
            ));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("has a tag that no registry takes"));
        }
        let tag = match (tag, digest) {
            (None, None) => Some("latest"),
            (tag, _) => tag,
        };
        Ok(Self {
            host: host.to_ascii_lowercase(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

/// `sha256:` and 64 hexadecimal digits in lower case.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The grammar of the OCI distribution specification 1.1, "Pulling manifests".
fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn is_component(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    if !ends
        .into_iter()
        .all(|end| end.is_some_and(|end| word(*end)))
    {
        return false;
    }
    // Between words: one `.`, one or two `_`, any number of `-`.
    text.split(|c: char| word(c as u8) && c.is_ascii())
        .filter(|between| !between.is_empty())
        .all(|between| matches!(between, "." | "_" | "__") || between.bytes().all(|b| b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn references_are_taken_apart() {
        let parse = |text: &str| text.parse::<Reference>().unwrap();
        let one = parse("oci://registry.example/team/slug:1.0");
        assert_eq!(
            (one.host(), one.repository()),
            ("registry.example", "team/slug")
        );
        assert_eq!(
            (one.tag(), one.digest(), one.name()),
            (Some("1.0"), None, "slug")
        );
        assert_eq!(parse("localhost/a").tag(), Some("latest"));
        assert_eq!(
            parse("127.0.0.1:5000/a").to_string(),
            "oci://127.0.0.1:5000/a:latest"
        );
        assert_eq!(parse("[::1]:5000/a:b").host(), "[::1]:5000");
        let both = parse(&format!("a.example/a-b/c__d:t@{HEX}"));
        assert_eq!((both.tag(), both.digest()), (Some("t"), Some(HEX)));
        assert_eq!(parse(&both.to_string()), both);
        assert_eq!(
            both.at(HEX).to_string(),
            format!("oci://a.example/a-b/c__d@{HEX}")
        );
    }

    #[test]
    fn what_is_none_is_refused() {
        let long = format!("a.example/a:{}", "t".repeat(129));
        let upper = format!("a.example/a@{}", HEX.to_uppercase());
        for text in [
            "slug",
            "team/slug:1",
            "oci://",
            "a.example/",
            "a.example/A",
            "a.example/a//b",
            "a.example/a..b",
            "a.example/-a",
            "a.example/a:",
            "a.example/a:-t",
            "a.example/a@sha256:12",
            "a.example/../b",
            "../b",
            "user@a.example/b",
            "a.example/a:b:c",
            "a.example/ä",
            &long,
            &upper,
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
        }
    }
}
