//! Finding the plugin and the function that the user means.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use wudf::{Plugin, Runtime, Signature};
use wudf_artifacts::SHIPPED;

/// What the user calls a plugin: a file, or the name of one that wudf brings.
pub fn load(runtime: &Runtime, name: &str) -> Result<Plugin> {
    if Path::new(name).is_file() {
        return Ok(Plugin::from_file(runtime, name)?);
    }
    if let Some(shipped) = SHIPPED.iter().find(|shipped| shipped.name == name) {
        return Ok(Plugin::from_bytes(runtime, shipped.name, shipped.bytes)?);
    }
    let names: Vec<&str> = SHIPPED.iter().map(|shipped| shipped.name).collect();
    bail!(
        "{name} is neither a file nor a plugin that wudf brings ({})",
        names.join(", ")
    )
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
    match (name, signatures) {
        (Some(name), _) => find(name).with_context(|| {
            format!(
                "{} has no function {name}; it has {}",
                plugin.name(),
                names()
            )
        }),
        (None, [only]) => Ok(only),
        (None, []) => bail!("{} has no functions", plugin.name()),
        (None, _) => find(&plugin.name().replace('-', "_")).with_context(|| {
            format!(
                "{0} has several functions, say which, as in {0}:{1}: {2}",
                plugin.name(),
                signatures[0].name,
                names()
            )
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
