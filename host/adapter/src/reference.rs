//! What the user calls a plugin and its function: `PLUGIN[:FUNCTION]`.

use std::path::Path;

use wudf::{Error, ErrorKind, Plugin, Result, Runtime, Signature};
use wudf_artifacts::SHIPPED;

/// The names of the plugins that wudf brings.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.name)
}

/// Loads what the user calls a plugin: a file, or the name of one that wudf brings.
///
/// # Errors
/// [`ErrorKind::UnknownPlugin`] when it is neither, otherwise as [`Plugin::from_file`].
pub fn load(runtime: &Runtime, name: &str) -> Result<Plugin> {
    load_checked(runtime, name, None)
}

/// Loads a plugin, and refuses it before it is compiled when its digest is not the one that is wanted.
///
/// # Errors
/// [`ErrorKind::Refused`] for another digest, otherwise as [`load`].
pub fn load_checked(runtime: &Runtime, name: &str, digest: Option<&str>) -> Result<Plugin> {
    let path = Path::new(name);
    if path.is_file() {
        let bytes = std::fs::read(path)
            .map_err(|e| Error::new(ErrorKind::Io, format!("{}: {e}", path.display())))?;
        let stem = path
            .file_stem()
            .map_or_else(|| "plugin".into(), |stem| stem.to_string_lossy());
        return from_bytes(runtime, &stem, &bytes, digest);
    }
    if let Some(shipped) = SHIPPED.iter().find(|shipped| shipped.name == name) {
        return from_bytes(runtime, shipped.name, shipped.bytes, digest);
    }
    let names: Vec<&str> = shipped().collect();
    Err(Error::new(
        ErrorKind::UnknownPlugin,
        format!(
            "{name} is neither a file nor a plugin that wudf brings ({})",
            names.join(", ")
        ),
    ))
}

/// A plugin from its bytes, refused when they are not those of the digest.
pub(crate) fn from_bytes(
    runtime: &Runtime,
    name: &str,
    bytes: &[u8],
    digest: Option<&str>,
) -> Result<Plugin> {
    if let Some(wanted) = digest {
        let found = digest_of(bytes);
        if found != wanted {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("the plugin here is {found}, the one that is wanted {wanted}"),
            )
            .in_plugin(name));
        }
    }
    Plugin::from_bytes(runtime, name, bytes)
}

/// `sha256:` and the digest of the bytes, in hexadecimal.
pub fn digest_of(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let hex: String = sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// Takes `PLUGIN[:FUNCTION]` apart. A file may have a colon in its name.
pub fn split(reference: &str) -> (&str, Option<&str>) {
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

/// The function of that name; without a name the only one, or the one named like the plugin.
///
/// # Errors
/// [`ErrorKind::UnknownFunction`], naming those that there are.
pub fn function<'a>(plugin: &'a Plugin, name: Option<&str>) -> Result<&'a Signature> {
    let signatures = plugin.signatures();
    let names = || {
        signatures
            .iter()
            .map(|signature| signature.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let find = |name: &str| signatures.iter().find(|signature| signature.name == name);
    let unknown = |message: String| Error::new(ErrorKind::UnknownFunction, message);
    match (name, signatures) {
        (Some(name), _) => find(name).ok_or_else(|| {
            unknown(format!(
                "{} has no function {name}; it has {}",
                plugin.name(),
                names()
            ))
        }),
        (None, [only]) => Ok(only),
        (None, []) => Err(unknown(format!("{} has no functions", plugin.name()))),
        (None, [first, ..]) => find(&plugin.name().replace('-', "_")).ok_or_else(|| {
            unknown(format!(
                "{0} has several functions, say which, as in {0}:{1}: {2}",
                plugin.name(),
                first.name,
                names()
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
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:b.wasm");
        std::fs::write(&path, "").unwrap();
        assert_eq!(
            split(path.to_str().unwrap()),
            (path.to_str().unwrap(), None)
        );
    }
}
