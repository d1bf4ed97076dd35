//! Who we are to a registry: what the environment says, else what `docker
//! login` and `podman login` left, else nobody.

use std::env;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use docker_credential::{CredentialRetrievalError, DockerCredential};

use crate::{Error, ErrorKind, Result};

const HOST: &str = "WUDF_REGISTRY";
const USER: &str = "WUDF_REGISTRY_USERNAME";
const PASSWORD: &str = "WUDF_REGISTRY_PASSWORD";

/// What is sent to prove it. It has no `Debug` that would show it.
#[derive(Clone, PartialEq)]
pub(crate) enum Credentials {
    Anonymous,
    Password(String, String),
    /// A refresh token, which a registry's token server exchanges.
    Identity(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Password(..) => "Password(..)",
            Self::Identity(_) => "Identity(..)",
        })
    }
}

/// Those for one registry.
pub(crate) fn of(host: &str) -> Result<Credentials> {
    let text = |name: &str| env::var(name).ok().filter(|text| !text.is_empty());
    if let Some(found) = from_environment(host, [text(HOST), text(USER), text(PASSWORD)])? {
        return Ok(found);
    }
    for file in files() {
        if let Some(found) = from_file(&file, host)? {
            return Ok(found);
        }
    }
    Ok(Credentials::Anonymous)
}

/// The environment's, which go to the one registry that it names: a plugin may
/// come from elsewhere than its models.
fn from_environment(host: &str, said: [Option<String>; 3]) -> Result<Option<Credentials>> {
    match said {
        // The address of a registry alone is no secret and may serve others.
        [_, None, None] => Ok(None),
        [Some(named), Some(user), Some(password)] => {
            let named = named.strip_prefix("oci://").unwrap_or(&named);
            let same = named.trim_end_matches('/').eq_ignore_ascii_case(host);
            Ok(same.then_some(Credentials::Password(user, password)))
        }
        _ => Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "{USER} and {PASSWORD} go together, and with {HOST}, which names the registry that they are for"
            ),
        )),
    }
}

fn files() -> Vec<PathBuf> {
    let named = |name| {
        env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let docker = named("DOCKER_CONFIG").or_else(|| Some(env::home_dir()?.join(".docker")));
    named("REGISTRY_AUTH_FILE")
        .into_iter()
        .chain(docker.map(|folder| folder.join("config.json")))
        .collect()
}

/// As docker and podman name a registry in their files.
fn server(host: &str) -> &str {
    match host {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => "https://index.docker.io/v1/",
        host => host,
    }
}

/// A file that cannot be used stops those who need it, and nobody else: what
/// is broken for one registry must not keep public plugins of another away.
fn from_file(path: &PathBuf, host: &str) -> Result<Option<Credentials>> {
    let server = server(host);
    let broken = |why: &str, concerned: bool| {
        let message = format!(
            "cannot use the credentials in {} for {host}: {why}",
            path.display()
        );
        match concerned {
            true => Err(Error::new(
                ErrorKind::Invalid,
                format!("{message}; `docker login {host}` writes them anew"),
            )),
            false => {
                tracing::warn!("{message}; going on without");
                Ok(None)
            }
        }
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        // It could hold anything; that it is for this registry is not known.
        Err(e) => return broken(&e.to_string(), false),
    };
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) else {
        return broken("it is no JSON", text.contains(host));
    };
    let names = |key: &str| {
        json.get(key)
            .and_then(|entries| entries.as_object())
            .is_some_and(|entries| {
                entries
                    .keys()
                    .any(|key| [host, server].contains(&bare(key)) || key == server)
            })
    };
    let concerned = names("auths") || names("credHelpers");
    match docker_credential::get_credential_from_reader(text.as_bytes(), server) {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Some(Credentials::Password(user, password)))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credentials::Identity(token))),
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
        // What a helper says when it is asked for what it has not. Its output
        // may hold secrets otherwise, and is not passed on.
        Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
            if [&stdout, &stderr]
                .iter()
                .any(|said| said.contains("credentials not found")) =>
        {
            Ok(None)
        }
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            broken(&format!("{helper} failed"), concerned)
        }
        Err(CredentialRetrievalError::HelperCommunicationError) => broken(
            "the program that keeps them (docker-credential-*) cannot be run",
            concerned,
        ),
        Err(e) => broken(&e.to_string(), concerned),
    }
}

/// `https://HOST/v1/` as old files have it.
fn bare(key: &str) -> &str {
    let rest = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    rest.map_or(key, |rest| rest.split('/').next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn password(user: &str, password: &str) -> Credentials {
        Credentials::Password(user.into(), password.into())
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn found(text: &str, host: &str) -> Result<Option<Credentials>> {
        from_file(&file(text).path().to_owned(), host)
    }

    #[test]
    fn the_environment_speaks_of_one_registry() {
        let said = |parts: [&str; 3]| parts.map(|p| (!p.is_empty()).then(|| p.to_owned()));
        let all = said(["a.example:5000", "u", "p"]);
        assert_eq!(
            from_environment("a.example:5000", all.clone()).unwrap(),
            Some(password("u", "p"))
        );
        for other in ["a.example", "b.example:5000", "a.example:5000.evil.example"] {
            assert_eq!(from_environment(other, all.clone()).unwrap(), None);
        }
        assert_eq!(from_environment("a", said(["a", "", ""])).unwrap(), None);
        for part in [
            ["", "u", "p"],
            ["a", "u", ""],
            ["a", "", "p"],
            ["", "u", ""],
        ] {
            let error = from_environment("a", said(part)).unwrap_err();
            assert!(error.to_string().contains("WUDF_REGISTRY,"), "{error}");
        }
    }

    #[test]
    fn logins_are_found_by_host_and_port() {
        // "u:p" and "v:q:r"
        let text = r#"{"auths": {"a.example:5000": {"auth": "dTpw"},
            "https://b.example/v1/": {"auth": "djpxOnI="},
            "c.example": {"identitytoken": "t"}, "d.example": {}}}"#;
        assert_eq!(
            found(text, "a.example:5000").unwrap(),
            Some(password("u", "p"))
        );
        assert_eq!(found(text, "a.example").unwrap(), None);
        assert_eq!(
            found(text, "b.example").unwrap(),
            Some(password("v", "q:r"))
        );
        assert_eq!(
            found(text, "c.example").unwrap(),
            Some(Credentials::Identity("t".into()))
        );
        assert_eq!(found(text, "d.example").unwrap(), None);
        let hub = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}}}"#;
        assert_eq!(found(hub, "docker.io").unwrap(), Some(password("u", "p")));
    }

    #[test]
    fn what_is_broken_stops_only_those_who_need_it() {
        for (text, host) in [
            (
                r#"{"auths": {"a.example:5000": {"auth": "dTpw"}"#,
                "a.example:5000",
            ),
            (r#"{"auths": {"a.example": {"auth": "!"}}}"#, "a.example"),
            (
                r#"{"credHelpers": {"a.example": "wudf-none"}}"#,
                "a.example",
            ),
            (
                r#"{"auths": {"a.example": {}}, "credsStore": "wudf-none"}"#,
                "a.example",
            ),
        ] {
            let error = found(text, host).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
            assert!(error.to_string().contains("docker login"), "{error}");
            assert!(!error.to_string().contains("dTpw"), "{error}");
            assert_eq!(found(text, "other.example").unwrap(), None, "{text}");
        }
        assert_eq!(from_file(&"/nowhere/at/all".into(), "a").unwrap(), None);
    }
}
