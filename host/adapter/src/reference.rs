//! What the user calls a plugin and its function: `PLUGIN[:FUNCTION]`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use wudf::{Error, ErrorKind, Plugin, Result, Session, Signature};
use wudf_artifacts::SHIPPED;
pub use wudf_registry::digest_of;
use wudf_registry::policy::{Subject, Wanted};
use wudf_registry::{Reference, SCHEME, signature};

use crate::registries::error;
use crate::{Fetch, PluginSource, Registries, separate};

/// The names of the plugins that ships with wudf.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.name)
}

/// A plugin that was found and may run here. Nothing of it has been compiled.
pub struct Found {
    /// What errors call it.
    pub name: String,
    /// The component.
    pub bytes: Cow<'static, [u8]>,
    /// What it is in its registry, by digest, if it comes from one.
    pub reference: Option<Reference>,
    /// The models that its registry names for it, by the names that it knows.
    pub models: BTreeMap<String, Reference>,
}

impl Found {
    /// Compiles it.
    ///
    /// # Errors
    /// As [`Plugin::from_bytes`].
    pub fn load(&self, session: &Session, fetch: &Fetch) -> Result<Plugin> {
        let load = || Plugin::from_bytes(session, &self.name, &self.bytes);
        let Some(around) = &fetch.compiling else {
            return load();
        };
        let mut loaded = None;
        around(&self.name, self.bytes.len(), &mut || loaded = Some(load()));
        loaded.unwrap_or_else(load)
    }

    fn of(name: impl Into<String>, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
            reference: None,
            models: BTreeMap::new(),
        }
    }
}

/// Finds a plugin: a file, one that ships with wudf, within it or [apart](separate), one in
/// a registry (`oci://HOST/NAME:TAG`), or one in memory; and refuses it when its digest
/// is not the one that is wanted, or when the policy does not allow it. What
/// is within wudf is as trusted as wudf; what comes apart is a file as any other.
///
/// # Errors
/// [`ErrorKind::UnknownPlugin`] when there is none, [`ErrorKind::Refused`] when
/// it may not run, [`ErrorKind::Registry`] and [`ErrorKind::Io`] when it cannot be had.
pub fn find(
    source: &PluginSource,
    digest: Option<&str>,
    registries: &Registries,
    fetch: &Fetch,
) -> Result<Found> {
    let found = match source {
        PluginSource::Inline {
            name,
            bytes,
            signatures,
        } => {
            allow(registries, &Subject::Inline(name), bytes, || {
                Ok(signatures.clone())
            })?;
            Found::of(name, bytes.to_vec())
        }
        PluginSource::Named(name) => named(name, registries, fetch)?,
    };
    match digest {
        Some(wanted) => check(found, wanted),
        None => Ok(found),
    }
}

fn named(name: &str, registries: &Registries, fetch: &Fetch) -> Result<Found> {
    if name.starts_with(SCHEME) {
        return pull(name, registries, fetch);
    }
    let path = Path::new(name);
    if path.is_file() {
        return file(path, registries);
    }
    if let Some(shipped) = SHIPPED.iter().find(|shipped| shipped.name == name) {
        return Ok(Found::of(shipped.name, shipped.bytes));
    }
    if let Some(path) = separate::file(name) {
        return file(&path, registries);
    }
    let message = separate::missing(name).unwrap_or_else(|| {
        let names: Vec<&str> = shipped().collect();
        format!(
            "{name} is neither a file nor a plugin that ships with wudf ({})",
            names.join(", ")
        )
    });
    Err(Error::new(ErrorKind::UnknownPlugin, message))
}

fn file(path: &Path, registries: &Registries) -> Result<Found> {
    let bytes = std::fs::read(path)
        .map_err(|e| Error::new(ErrorKind::Io, format!("{}: {e}", path.display())))?;
    allow(registries, &Subject::File(path), &bytes, || {
        signature::read_file(path)
    })?;
    let stem = path
        .file_stem()
        .map_or_else(|| "plugin".into(), |stem| stem.to_string_lossy());
    Ok(Found::of(stem, bytes))
}

fn pull(name: &str, registries: &Registries, fetch: &Fetch) -> Result<Found> {
    let reference: Reference = name.parse().map_err(error)?;
    let policy = registries.policy()?;
    let registry = registries.open(fetch)?;
    let pulled = registry.pull_plugin(&reference).map_err(error)?;
    if let Some(policy) = policy {
        policy
            .check_reference(&registry.local(), &registry.remote(), &pulled.reference)
            .map_err(error)?;
    }
    Ok(Found {
        models: pulled.models,
        reference: Some(pulled.reference),
        ..Found::of(reference.name(), pulled.bytes)
    })
}

/// Refuses bytes that the policy wants signed and that are not.
fn allow(
    registries: &Registries,
    what: &Subject<'_>,
    bytes: &[u8],
    signatures: impl FnOnce() -> wudf_registry::Result<Vec<String>>,
) -> Result<()> {
    let Some(policy) = registries.policy()? else {
        return Ok(());
    };
    if matches!(policy.wanted(what), Wanted::Nothing) {
        return Ok(());
    }
    policy
        .check_bytes(what, bytes, &signatures().map_err(error)?)
        .map_err(error)
}

/// Refuses a plugin with another digest than the one that is wanted.
fn check(found: Found, wanted: &str) -> Result<Found> {
    let digest = digest_of(&found.bytes);
    if digest == wanted {
        return Ok(found);
    }
    let message = format!("the plugin here is {digest}, the one that is wanted {wanted}");
    Err(Error::new(ErrorKind::Refused, message).in_plugin(&found.name))
}

/// Takes `PLUGIN[:FUNCTION]` apart. A file may have a colon in its name; a
/// reference has its tag or digest before that of the function.
pub fn split(reference: &str) -> (&str, Option<&str>) {
    if let Some(rest) = reference.strip_prefix(SCHEME) {
        return split_reference(reference, rest);
    }
    if Path::new(reference).exists() {
        return (reference, None);
    }
    match reference.rsplit_once(':') {
        Some((plugin, function)) if !plugin.is_empty() && !function.contains(['/', '\\']) => {
            (plugin, Some(function))
        }
        _ => (reference, None),
    }
}

/// `oci://HOST/NAME:TAG[:FUNCTION]` or `oci://HOST/NAME[:TAG]@sha256:HEX[:FUNCTION]`.
fn split_reference<'a>(reference: &'a str, rest: &str) -> (&'a str, Option<&'a str>) {
    let name = rest.find('/').map_or(rest, |slash| &rest[slash..]);
    // Behind the algorithm of a digest, or behind the tag.
    let before = name.find("@sha256:").map_or(0, |at| at + "@sha256:".len());
    let mut colons = name[before..].match_indices(':').map(|(at, _)| before + at);
    let colon = match before {
        0 => colons.nth(1),
        _ => colons.next(),
    };
    let Some(colon) = colon else {
        return (reference, None);
    };
    let at = reference.len() - (name.len() - colon);
    (&reference[..at], Some(&reference[at + 1..]))
}

/// The function of that name, or the one that an option [names](Signature::named_by); without
/// a name the only one, or the one named like the plugin. `source` is where the plugin was found,
/// as the user named it.
///
/// # Errors
/// [`ErrorKind::UnknownFunction`], naming those that exist.
pub fn function<'a>(
    plugin: &'a Plugin,
    source: &PluginSource,
    name: Option<&str>,
) -> Result<&'a Signature> {
    let signatures = plugin.signatures();
    let names = || {
        signatures
            .iter()
            .map(|signature| signature.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let find = |name: &str| signatures.iter().find(|signature| signature.name == name);
    let any_name = || signatures.iter().find(|s| s.named_by().is_some());
    let unknown = |message: String| Error::new(ErrorKind::UnknownFunction, message);
    match (name, signatures) {
        (Some(name), _) => find(name).or_else(any_name).ok_or_else(|| {
            unknown(format!(
                "{} has no function {name}; it has {}",
                plugin.name(),
                names()
            ))
        }),
        (None, [only]) => Ok(only),
        (None, []) => Err(unknown(format!("{} has no functions", plugin.name()))),
        (None, [first, ..]) => find(&plugin.name().replace('-', "_")).ok_or_else(|| {
            let (PluginSource::Named(typed) | PluginSource::Inline { name: typed, .. }) = source;
            unknown(format!(
                "{} has several functions ({}): choose one, as in `{typed}:{}`",
                plugin.name(),
                names(),
                first.name
            ))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_name_a_function_or_not() {
        assert_eq!(split("image-features"), ("image-features", None));
        assert_eq!(
            split("image-features:image_tensor"),
            ("image-features", Some("image_tensor"))
        );
        assert_eq!(split("./a.wasm:f"), ("./a.wasm", Some("f")));
        assert_eq!(split("C:\\plugins\\a.wasm"), ("C:\\plugins\\a.wasm", None));
        for (reference, parts) in [
            ("oci://a.example:5000/b", ("oci://a.example:5000/b", None)),
            ("oci://a.example/b:1", ("oci://a.example/b:1", None)),
            ("oci://a.example/b:1:f", ("oci://a.example/b:1", Some("f"))),
            (
                "oci://a.example/b@sha256:0f",
                ("oci://a.example/b@sha256:0f", None),
            ),
            (
                "oci://a.example/b:1@sha256:0f:f",
                ("oci://a.example/b:1@sha256:0f", Some("f")),
            ),
        ] {
            assert_eq!(split(reference), parts);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:b.wasm");
        std::fs::write(&path, "").unwrap();
        assert_eq!(
            split(path.to_str().unwrap()),
            (path.to_str().unwrap(), None)
        );
    }
}
