//! Which keys may sign which plugins: a file that says what runs without a
//! signature and what does not.
//!
//! ```toml
//! require = ["team.pub"]       # everything is signed by one of these keys
//!
//! [[rule]]                     # but these by that one
//! references = ["oci://registry.acme.example/plugins/*", "/opt/plugins/*.wasm"]
//! keys = ["acme.pub"]
//! ```
//!
//! The first rule with a reference that matches decides; `require` is for what
//! no rule matches, and without it that runs unsigned. A rule without keys
//! refuses what it matches. Keys are files, relative to the policy's, or PEM
//! text.
//!
//! # References
//!
//! `*` stands for any text, with `/` in it or without, and `?` for one
//! character. So `oci://registry.acme.example/plugins/*` covers folders in
//! folders: a rule that matches more than was meant wants a signature too many,
//! one that matches less lets something run without.
//!
//! | pattern | is matched on |
//! |---|---|
//! | `oci://HOST/REPOSITORY` | the repository of a plugin in a registry, without tag and digest |
//! | `/opt/plugins/*.wasm`, `./plugins/*.wasm` | a file's path; the second is relative to the policy |
//! | `inline:NAME` | a plugin that comes as bytes |
//! | what begins with `*` | all of these |
//!
//! No rule hangs on a tag: a registry can move it, and by the time that a
//! plugin is checked only its digest counts. A pattern that names one, or that
//! nothing could ever match, is an error when the policy is read.
//!
//! Before they are compared, hosts are written in one way: in lower case,
//! without the port that HTTPS or HTTP has anyway and without a dot at the end,
//! addresses in one form. A file matches by the path that it is named with, and
//! by the one that links lead to.
//!
//! What this cannot know is that one registry has two names, or that someone
//! copied a plugin to another place. So what has to be signed is best said with
//! `require`, and rules say who else may sign what.

mod check;
mod pattern;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use self::pattern::Pattern;
use crate::key::{self, PublicKey};
use crate::{Error, ErrorKind, Reference, Result};

/// The most bytes of a policy.
const FILE_LIMIT: usize = 1 << 20;

/// A policy, read and ready to decide.
#[derive(Clone, Debug)]
pub struct Policy {
    path: PathBuf,
    require: Option<Vec<PublicKey>>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    references: Vec<Pattern>,
    keys: Vec<PublicKey>,
}

/// What a policy decides on.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Subject<'a> {
    /// A plugin in a registry.
    Reference(&'a Reference),
    /// A file.
    File(&'a Path),
    /// Bytes that come with a query or a program, and what they are called.
    Inline(&'a str),
}

/// What the policy wants of a plugin.
#[derive(Clone, Debug)]
pub enum Wanted<'a> {
    /// Nothing: it runs unsigned.
    Nothing,
    /// A signature by one of the keys; without keys, there can be none.
    Keys {
        /// The keys that may sign it.
        keys: &'a [PublicKey],
        /// What wants it, for messages: the file and the rule.
        rule: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    require: Option<Vec<String>>,
    #[serde(default, rename = "rule")]
    rules: Vec<RuleTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    references: Vec<String>,
    keys: Vec<String>,
}

impl Policy {
    /// Reads a policy, and the keys that it names.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file, [`ErrorKind::Io`]
    /// when it cannot be read, [`ErrorKind::Invalid`] when it says something
    /// else than policies do, or names a key that is none.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_text(path, FILE_LIMIT).map_err(|error| unread("policy", path, &error))?;
        Self::parse(&text, path)
    }

    /// Of the text of the file at `path`.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self> {
        let file: PolicyFile = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map(|before| format!(", line {}", before.matches('\n').count() + 1))
                .unwrap_or_default();
            wrong(path, &line, error.message())
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let require = file
            .require
            .map(|keys| read_keys(&keys, folder))
            .transpose()
            .map_err(|error| nested(path, ", `require`", &error))?;
        let mut rules = Vec::new();
        for (number, rule) in (1..).zip(file.rules) {
            let place = format!(", rule {number}");
            if rule.references.is_empty() {
                return Err(wrong(
                    path,
                    &place,
                    "it has no references, so it would match nothing",
                ));
            }
            rules.push(Rule {
                references: rule
                    .references
                    .iter()
                    .map(|text| Pattern::read(text, folder))
                    .collect::<Result<_, _>>()
                    .map_err(|why| wrong(path, &place, &why))?,
                keys: read_keys(&rule.keys, folder)
                    .map_err(|error| nested(path, &place, &error))?,
            });
        }
        Ok(Self {
            path: path.to_owned(),
            require,
            rules,
        })
    }

    /// The policy that counts here: the one that is named, else the one that
    /// `WUDF_POLICY` names, else the user's (`wudf/policy.toml` where
    /// configuration lies), else the machine's: `/etc/wudf/policy.toml`
    /// (`%ProgramData%` on Windows).
    ///
    /// # Errors
    /// As those of [`Policy::read`], for a file that is named or is there.
    pub fn find(explicit: Option<&Path>) -> Result<Option<Self>> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        find(
            explicit
                .map(Path::to_owned)
                .or_else(|| variable("WUDF_POLICY").map(PathBuf::from)),
            &[
                user_configuration().map(|folder| folder.join("wudf").join("policy.toml")),
                machine_configuration().map(|folder| folder.join("wudf").join("policy.toml")),
            ],
        )
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What this policy wants of a plugin.
    pub fn wanted(&self, what: &Subject<'_>) -> Wanted<'_> {
        let names = pattern::names(what);
        for (number, rule) in (1..).zip(&self.rules) {
            let matches = |pattern: &&Pattern| names.iter().any(|name| pattern.matches(name));
            if let Some(pattern) = rule.references.iter().find(matches) {
                let path = self.path.display();
                return Wanted::Keys {
                    keys: &rule.keys,
                    rule: format!("{path}, rule {number} ({})", pattern.text()),
                };
            }
        }
        match &self.require {
            Some(keys) => Wanted::Keys {
                keys,
                rule: format!("{}, `require`", self.path.display()),
            },
            None => Wanted::Nothing,
        }
    }
}

fn find(named: Option<PathBuf>, usual: &[Option<PathBuf>]) -> Result<Option<Policy>> {
    if let Some(path) = named {
        return Policy::read(&path).map(Some);
    }
    for path in usual.iter().flatten() {
        match Policy::read(path) {
            // A link that leads nowhere was meant to lead to a policy.
            Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => {}
            read => return read.map(Some),
        }
    }
    Ok(None)
}

fn user_configuration() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if cfg!(windows) {
        absolute("APPDATA")
    } else if cfg!(target_os = "macos") {
        Some(
            std::env::home_dir()?
                .join("Library")
                .join("Application Support"),
        )
    } else {
        absolute("XDG_CONFIG_HOME").or_else(|| Some(std::env::home_dir()?.join(".config")))
    }
}

fn machine_configuration() -> Option<PathBuf> {
    if cfg!(windows) {
        std::env::var_os("ProgramData").map(PathBuf::from)
    } else {
        Some("/etc".into())
    }
}

fn read_keys(keys: &[String], folder: &Path) -> Result<Vec<PublicKey>> {
    keys.iter().map(|key| read_key(key, folder)).collect()
}

fn read_key(text: &str, folder: &Path) -> Result<PublicKey> {
    if text.contains("-----BEGIN ") {
        return PublicKey::from_pem(text);
    }
    let path = folder.join(text);
    let pem = read_text(&path, key::FILE_LIMIT).map_err(|error| unread("key", &path, &error))?;
    PublicKey::from_pem(&pem)
        .map_err(|error| Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn read_text(path: &Path, limit: usize) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(limit as u64 + 1)
        .read_to_string(&mut text)?;
    if text.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {limit} bytes"),
        ));
    }
    Ok(text)
}

fn unread(what: &str, path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::new(ErrorKind::NotFound, format!("there is no {what} {path}"))
        }
        _ => Error::new(
            ErrorKind::Io,
            format!("the {what} {path} cannot be read: {error}"),
        ),
    }
}

fn wrong(path: &Path, place: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("{}{place}: {why}", path.display()),
    )
}

/// A missing key is no missing policy.
fn nested(path: &Path, place: &str, error: &Error) -> Error {
    wrong(path, place, &error.to_string())
}

#[cfg(test)]
mod tests;
