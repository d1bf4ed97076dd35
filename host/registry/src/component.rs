//! What a component says about itself, as far as a registry wants to know.

use std::collections::BTreeMap;

use wasmparser::{Encoding, Parser, Payload};

use crate::text::brief;
use crate::{Error, ErrorKind, Result};

/// What a component takes and gives, by the names at its outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Component {
    pub exports: Vec<String>,
    pub imports: Vec<String>,
}

impl Component {
    /// Reads the outermost imports and exports.
    ///
    /// # Errors
    /// The bytes are no component.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let wrong = |why: &str| {
            Error::new(
                ErrorKind::Artifact,
                format!("this is no WebAssembly component: {why}"),
            )
        };
        if !bytes.starts_with(b"\0asm") {
            return Err(wrong("it does not begin as one"));
        }
        let broken = |e: wasmparser::BinaryReaderError| wrong(&brief(e.message()));
        let mut found = Self::default();
        // Components nest; only what stands at the outside counts.
        let mut depth = 0;
        let mut ended = false;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(broken)? {
                Payload::Version { encoding, .. } => {
                    depth += 1;
                    if depth == 1 && encoding == Encoding::Module {
                        return Err(wrong(
                            "it is a core module; build it for wasm32-wasip2, or make it one with `wasm-tools component new`",
                        ));
                    }
                }
                Payload::End(_) => {
                    depth -= 1;
                    ended = depth == 0;
                }
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        found.imports.push(import.map_err(broken)?.name.name.into());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        found.exports.push(export.map_err(broken)?.name.name.into());
                    }
                }
                _ => {}
            }
        }
        match ended {
            true => Ok(found),
            false => Err(wrong("it is cut short")),
        }
    }
}

/// The component's own metadata under the names that OCI has for it.
pub(crate) fn annotations(bytes: &[u8]) -> BTreeMap<String, String> {
    let Ok(payload) = wasm_metadata::Payload::from_binary(bytes) else {
        return BTreeMap::new();
    };
    let metadata = payload.metadata();
    let pairs = [
        ("title", metadata.name.clone()),
        (
            "version",
            metadata.version.as_ref().map(ToString::to_string),
        ),
        (
            "description",
            metadata.description.as_ref().map(ToString::to_string),
        ),
        (
            "licenses",
            metadata.licenses.as_ref().map(ToString::to_string),
        ),
        ("source", metadata.source.as_ref().map(ToString::to_string)),
        (
            "revision",
            metadata.revision.as_ref().map(ToString::to_string),
        ),
        ("url", metadata.homepage.as_ref().map(ToString::to_string)),
        (
            "authors",
            metadata.authors.as_ref().map(ToString::to_string),
        ),
    ];
    pairs
        .into_iter()
        .filter_map(|(name, value)| Some((format!("org.opencontainers.image.{name}"), value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_the_outside_are_found() {
        let bytes = wat::parse_str(
            r#"(component
                (import "wasi:io/poll@0.2.0" (instance $i))
                (component $inner (import "not-this" (func)) (core module))
                (core module)
                (export "wudf:plugin/scalar@0.2.0" (instance $i)))"#,
        )
        .unwrap();
        let found = Component::read(&bytes).unwrap();
        assert_eq!(found.imports, ["wasi:io/poll@0.2.0"]);
        assert_eq!(found.exports, ["wudf:plugin/scalar@0.2.0"]);
        for cut in [0, 3, 9, bytes.len() - 1] {
            let error = Component::read(&bytes[..cut]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Artifact, "{cut}");
        }
        let module = wat::parse_str("(module)").unwrap();
        let error = Component::read(&module).unwrap_err();
        assert!(error.to_string().contains("core module"), "{error}");
    }

    #[test]
    fn metadata_becomes_annotations() {
        let mut bytes = wat::parse_str("(component $slug)").unwrap();
        for (name, value) in [("version", "1.2.3"), ("licenses", "Apache-2.0")] {
            bytes.extend([0, (1 + name.len() + value.len()) as u8, name.len() as u8]);
            bytes.extend(name.bytes().chain(value.bytes()));
        }
        let found = annotations(&bytes);
        let value = |name: &str| found[&format!("org.opencontainers.image.{name}")].clone();
        assert_eq!(value("version"), "1.2.3");
        assert_eq!(value("licenses"), "Apache-2.0");
        assert_eq!(value("title"), "slug");
        assert_eq!(found.len(), 3);
    }
}
