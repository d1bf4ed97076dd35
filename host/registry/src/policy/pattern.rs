//! How a policy's references match; [`super`] says it to those who write them.

use std::path::{Component, Path, PathBuf};

use super::Subject;

/// A pattern, ready to match.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// As it stands in the policy.
    text: String,
    /// What is matched: one of them has to.
    forms: Vec<String>,
}

impl Pattern {
    /// What `folder` holds is where relative paths begin.
    pub(super) fn read(text: &str, folder: &Path) -> Result<Self, String> {
        let forms = if text.starts_with('*') {
            if text.contains("://") {
                return Err(format!(
                    "`{text}` begins with `*` and names a scheme; begin with oci://"
                ));
            }
            vec![fold(text)]
        } else if let Some(rest) = text.strip_prefix("oci://") {
            vec![oci(text, rest)?]
        } else if text.starts_with("inline:") {
            vec![text.to_owned()]
        } else {
            let path = Path::new(text);
            // `registry.example/*` would be a folder that nobody has.
            if !path.is_absolute() && !text.starts_with("./") && !text.starts_with("../") {
                return Err(format!(
                    "`{text}` is no reference; they begin with oci://, inline:, `*`, or as paths with `/` or `./`"
                ));
            }
            paths(&folder.join(path))
        };
        Ok(Self {
            text: text.to_owned(),
            forms,
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.forms.iter().any(|form| matches(form, name))
    }
}

/// The names that patterns are matched on.
pub(super) fn names(what: &Subject<'_>) -> Vec<String> {
    match what {
        Subject::Reference(reference) => {
            vec![repository(&host(reference.host()), reference.repository())]
        }
        Subject::Inline(name) => vec![format!("inline:{name}")],
        Subject::File(path) => {
            let mut names = vec![slashed(&clean(path))];
            if let Ok(path) = path.canonicalize() {
                names.push(slashed(&path));
            }
            names.dedup();
            names
        }
    }
}

fn repository(host: &str, repository: &str) -> String {
    // Docker's own images lie in a folder that need not be named.
    let folder = match host {
        "docker.io" if !repository.contains('/') && !repository.starts_with('*') => "library/",
        _ => "",
    };
    format!("oci://{host}/{folder}{repository}")
}

/// A host as the HTTP client has it.
fn host(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    // As one of a scheme whose port is never left out.
    let Some((host, port)) = split_port(&text) else {
        return text;
    };
    let host = match url::Url::parse(&format!("https://{host}/")) {
        Ok(url) => url.host_str().unwrap_or(host).to_owned(),
        Err(_) => host.to_owned(),
    };
    let host = match host.trim_end_matches('.') {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    };
    // An empty port is the scheme's; `0443` is 443.
    match port.map(str::parse::<u16>) {
        None | Some(Ok(443 | 80)) => host.to_owned(),
        Some(Ok(port)) => format!("{host}:{port}"),
        Some(Err(_)) => match port {
            None | Some("") => host.to_owned(),
            Some(port) => format!("{host}:{port}"),
        },
    }
}

/// `None` when it is no host with a port.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(end) = text.rfind(']') {
        let (host, rest) = text.split_at(end + 1);
        return match rest.strip_prefix(':') {
            None if rest.is_empty() => Some((host, None)),
            None => None,
            port => Some((host, port)),
        };
    }
    match text.split_once(':') {
        None => Some((text, None)),
        Some((host, port)) if !port.contains(':') => Some((host, Some(port))),
        Some(_) => None,
    }
}

/// A pattern of repositories; `rest` is without the scheme.
fn oci(text: &str, rest: &str) -> Result<String, String> {
    let wild = |c: char| c == '*' || c == '?';
    let Some((host_part, path)) = rest.split_once('/') else {
        // `oci://*` and `oci://registry.acme.*` are of whatever they have.
        if rest.ends_with('*') && !rest.contains(':') {
            return Ok(format!("oci://{}", rest.to_ascii_lowercase()));
        }
        return Err(format!(
            "`{text}` names no repository; all of a registry's are oci://HOST/*"
        ));
    };
    if path.contains(['@', ':']) {
        return Err(format!(
            "`{text}` names a tag or a digest; rules are for repositories, since a tag can be moved to anything"
        ));
    }
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c) || wild(c);
    let is_path =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._/".contains(c) || wild(c);
    if host_part.is_empty()
        || path.is_empty()
        || !host_part.chars().all(is_host)
        || !path.chars().all(is_path)
    {
        return Err(format!(
            "`{text}` can match nothing: hosts and repositories have letters, digits, `.`, `_` and `-`, repositories no upper case"
        ));
    }
    // With wildcards it is no host, but its port is one.
    let host = if host_part.contains(wild) {
        let lower = host_part.to_ascii_lowercase();
        let short = lower
            .strip_suffix(":443")
            .or_else(|| lower.strip_suffix(":80"))
            .unwrap_or(&lower);
        short.trim_end_matches('.').to_owned()
    } else {
        host(host_part)
    };
    Ok(repository(&host, path))
}

/// A pattern of paths, and the same by where its folder really lies.
fn paths(pattern: &Path) -> Vec<String> {
    let pattern = clean(pattern);
    let mut forms = vec![slashed(&pattern)];
    let is_wild =
        |component: Component<'_>| component.as_os_str().to_string_lossy().contains(['*', '?']);
    let fixed: PathBuf = pattern
        .components()
        .take_while(|component| !is_wild(*component))
        .collect();
    // The deepest folder that there is: what it will hold is not there yet.
    for folder in fixed.ancestors() {
        let (Ok(real), Ok(rest)) = (folder.canonicalize(), pattern.strip_prefix(folder)) else {
            continue;
        };
        let real = if rest == Path::new("") {
            real
        } else {
            real.join(rest)
        };
        forms.push(slashed(&real));
        break;
    }
    forms.dedup();
    forms
}

/// Absolute, without `.` and `..`, as the text has it.
fn clean(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            component => clean.push(component),
        }
    }
    clean
}

fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) {
        let text = text.strip_prefix(r"\\?\").unwrap_or(&text);
        fold(&text.replace('\\', "/"))
    } else {
        fold(&text)
    }
}

/// Where a file has two names by case, both are one.
fn fold(text: &str) -> String {
    if cfg!(any(windows, target_os = "macos")) {
        text.to_lowercase()
    } else {
        text.to_owned()
    }
}

/// In at most as many steps as both lengths multiplied.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last `*` does not fit.
    let mut again = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                again = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match again {
                Some((star, from)) => {
                    again = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reference;

    fn oci_matches(pattern: &str, reference: &str) -> bool {
        let pattern = Pattern::read(pattern, Path::new("/etc/wudf")).unwrap();
        let reference: Reference = reference.parse().unwrap();
        names(&Subject::Reference(&reference))
            .iter()
            .any(|name| pattern.matches(name))
    }

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("*", "", true),
            ("*", "a/b", true),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("a*b*c", "a_b_b_c", true),
            ("a?c", "aäc", true),
            ("a?c", "ac", false),
            ("**", "x", true),
            ("a", "A", false),
            ("[ab]", "a", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
        let bad = "*a".repeat(2_000) + "b";
        assert!(!matches(&bad, &"a".repeat(2_000)));
    }

    #[test]
    fn another_spelling_of_a_registry_is_the_same() {
        let digest = format!("@sha256:{}", "0".repeat(64));
        for (pattern, reference) in [
            ("oci://acme.example/*", "acme.example/a"),
            ("oci://acme.example/*", "acme.example/a/b:tag"),
            ("oci://acme.example/*", &format!("acme.example/a{digest}")),
            ("oci://acme.example/*", "ACME.example/a"),
            ("oci://ACME.Example/*", "acme.example/a"),
            ("oci://acme.example/*", "acme.example./a"),
            ("oci://acme.example/*", "acme.example:443/a"),
            ("oci://acme.example/*", "acme.example.:0443/a"),
            ("oci://acme.example/*", "acme.example:/a"),
            ("oci://acme.example:443/*", "acme.example/a"),
            ("oci://*.example:443/*", "acme.example/a"),
            ("oci://*.acme.example/*", "eu.acme.example/a"),
            ("oci://acme.example:5000/*", "acme.example:05000/a"),
            ("oci://10.0.0.5/*", "10.5/a"),
            ("oci://10.0.0.5:5000/*", "0xa.0.0.5:5000/a"),
            ("oci://[::1]:5000/*", "[0:0:0::0:1]:5000/a"),
            ("oci://docker.io/*", "index.docker.io/a/b"),
            ("oci://docker.io/library/a", "registry-1.docker.io/a"),
            ("oci://docker.io/a", "docker.io/library/a"),
            ("oci://*", "anything.example/a"),
            ("*", "anything.example/a"),
            ("*/plugins/*", "anything.example/plugins/a"),
        ] {
            assert!(oci_matches(pattern, reference), "{pattern} {reference}");
        }
        for (pattern, reference) in [
            ("oci://acme.example/*", "acme.example.evil.example/a"),
            ("oci://acme.example/*", "evil.example/acme.example/a"),
            ("oci://acme.example/*", "acme.example:5000/a"),
            ("oci://acme.example/a", "acme.example/ab"),
            ("oci://acme.example/a", "acme.example/b/a"),
            ("oci://acme.example/a/*", "acme.example/a"),
            ("/opt/*", "opt.example/a"),
            ("inline:*", "acme.example/a"),
        ] {
            assert!(!oci_matches(pattern, reference), "{pattern} {reference}");
        }
    }

    #[test]
    fn what_could_match_nothing_is_refused() {
        for pattern in [
            "oci://acme.example/a:1.0",
            "oci://acme.example/*:*",
            "oci://acme.example/a@sha256:00",
            "oci://acme.example",
            "oci://acme.example:5000",
            "oci://*:latest",
            "oci://",
            "oci:///a",
            "oci://acme.example/",
            "oci://acme.example/Plugins/*",
            "oci://acme.example/plügins/*",
            "oci://аcme.example/*", // a Cyrillic letter
            "oci://user@acme.example/*",
            "acme.example/plugins/*",
            "plugins/*.wasm",
            "https://acme.example/*",
            "*://acme.example/*",
            "OCI://acme.example/*",
            "",
        ] {
            assert!(
                Pattern::read(pattern, Path::new("/etc/wudf")).is_err(),
                "{pattern}"
            );
        }
    }
}
