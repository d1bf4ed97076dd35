//! What a plugin's imports mean, in words.
//!
//! A component imports what its code calls, and a language's standard library
//! calls some of WASI without being asked: arguments, environment, output,
//! clocks, a seed for its maps. That says nothing about the plugin. The rest
//! does: who imports sockets has code that would use them.

use std::fmt;

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, ComponentType,
    ComponentTypeRef, InstanceTypeDeclaration, Parser, Payload, TypeBounds,
};

use crate::error::printable;
use crate::{Error, ErrorKind, Result};

/// The WASI whose interfaces the sandbox has.
const WASI: &str = "0.2.";

/// Something that a plugin asks the host for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ask {
    /// In words: `the network`.
    pub what: String,
    /// The package of the interfaces: `wasi:sockets`.
    pub package: String,
    /// Whether a sandbox has these interfaces at all. A plugin that asks for
    /// others cannot be loaded.
    pub offered: bool,
    /// Whether there is something behind them. Files, the network and HTTP are
    /// offered and denied: each call fails.
    pub granted: bool,
}

/// The words, and the package: `the network (wasi:sockets)`.
impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.package)
    }
}

/// What imports ask for, each thing once, in their order.
pub(crate) fn in_words(imports: &[String]) -> Vec<Ask> {
    let mut asks: Vec<Ask> = Vec::new();
    for import in imports {
        let name = import.split('@').next().unwrap_or(import);
        let (package, interface) = name.split_once('/').unwrap_or((name, ""));
        let (what, offered, granted) = match (package, interface) {
            ("wudf:plugin", "assets") => ("assets", true, true),
            ("wasi:nn", _) => ("models", true, true),
            ("wasi:filesystem", _) => ("files", true, false),
            ("wasi:sockets", _) => ("the network", true, false),
            ("wasi:http", _) => ("HTTP", true, false),
            ("wasi:keyvalue", _) => ("a key-value store", false, false),
            ("wasi:blobstore", _) => ("a blob store", false, false),
            ("wasi:config", _) => ("configuration", false, false),
            ("wasi:messaging", _) => ("messages", false, false),
            ("wasi:logging", _) => ("a log", false, false),
            ("wasi:tls", _) => ("encrypted connections", false, false),
            ("wasi:webgpu" | "wasi:gfx" | "wasi:graphics-context", _) => ("a GPU", false, false),
            // The library's own; and what may be types alone, which need nobody.
            _ => continue,
        };
        if asks.iter().all(|ask| ask.package != package) {
            asks.push(Ask {
                what: what.to_owned(),
                package: package.to_owned(),
                offered,
                granted,
            });
        }
    }
    asks
}

/// Checks what a component imports, before it is compiled: that can take many seconds, and
/// one that needs what the sandbox does not have would be refused after it.
///
/// # Errors
/// [`ErrorKind::Unsupported`], with what is not there. What cannot be read is left to the
/// compiler to refuse.
pub(crate) fn check(component: &[u8]) -> Result<()> {
    let imports = read(component).unwrap_or_default();
    let names: Vec<String> = imports.iter().map(|i| printable(&i.name, 200)).collect();
    let mut missing: Vec<String> = in_words(&names)
        .into_iter()
        .filter(|ask| !ask.offered)
        .map(|ask| ask.to_string())
        .collect();
    for (import, name) in imports.iter().zip(&names) {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        let package = interface.split('/').next().unwrap_or(interface);
        let known = match package {
            "wudf:plugin" | "wasi:nn" => true,
            "wasi:cli" | "wasi:io" | "wasi:clocks" | "wasi:random" | "wasi:filesystem"
            | "wasi:sockets" | "wasi:http" => version.starts_with(WASI),
            _ => missing.iter().any(|m| m.ends_with(&format!("({package})"))),
        };
        if import.calls && !known {
            missing.push(name.clone());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "imports what the sandbox does not provide: {}; it has WASI {WASI}x, wasi:nn and wudf:plugin",
        missing.join(", ")
    );
    Err(Error::new(
        ErrorKind::Unsupported,
        printable(&message, 1_000),
    ))
}

/// Something that a component imports.
struct Import {
    name: String,
    /// Whether there is something to call, or only types.
    calls: bool,
}

/// The imports at a component's outside.
fn read(component: &[u8]) -> wasmparser::Result<Vec<Import>> {
    let mut imports = Vec::new();
    // Whether the instance types among a component's types, which are counted through all
    // of these sections, have functions or resources.
    let mut types: Vec<bool> = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ if depth > 1 => {}
            Payload::ComponentTypeSection(section) => {
                for ty in section {
                    types.push(calls(&ty?));
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    types.extend(is_type(&alias?).then_some(false));
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    types.extend((export?.kind == ComponentExternalKind::Type).then_some(false));
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    let calls = match import.ty {
                        ComponentTypeRef::Instance(at) => {
                            types.get(at as usize).copied().unwrap_or(false)
                        }
                        ComponentTypeRef::Func(_) => true,
                        _ => false,
                    };
                    if let ComponentTypeRef::Type(_) = import.ty {
                        types.push(false);
                    }
                    let name = import.name.name.to_owned();
                    imports.push(Import { name, calls });
                }
            }
            _ => {}
        }
    }
    Ok(imports)
}

fn is_type(alias: &ComponentAlias<'_>) -> bool {
    match alias {
        ComponentAlias::InstanceExport { kind, .. } => *kind == ComponentExternalKind::Type,
        ComponentAlias::Outer { kind, .. } => *kind == ComponentOuterAliasKind::Type,
        ComponentAlias::CoreInstanceExport { .. } => false,
    }
}

/// Whether an instance of this type has something to call.
fn calls(ty: &ComponentType<'_>) -> bool {
    let ComponentType::Instance(declarations) = ty else {
        return false;
    };
    declarations.iter().any(|declaration| {
        matches!(
            declaration,
            InstanceTypeDeclaration::Export {
                ty: ComponentTypeRef::Func(_) | ComponentTypeRef::Type(TypeBounds::SubResource),
                ..
            }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_from_what_a_library_imports() {
        let imports = [
            "wasi:nn/graph@0.2.0-rc-2024-10-28",
            "wasi:nn/tensor@0.2.0-rc-2024-10-28",
            "wasi:cli/environment@0.2.6",
            "wasi:random/insecure-seed@0.2.6",
            "wudf:plugin/arrow@0.2.0",
            "wudf:plugin/assets@0.2.0",
            "wasi:sockets/tcp@0.2.6",
            "wasi:sockets/udp@0.2.6",
            "wasi:http/outgoing-handler@0.2.6",
            "test:own/types",
        ]
        .map(str::to_owned);
        let asks = in_words(&imports);
        let said: Vec<String> = asks.iter().map(Ask::to_string).collect();
        assert_eq!(
            said,
            [
                "models (wasi:nn)",
                "assets (wudf:plugin)",
                "the network (wasi:sockets)",
                "HTTP (wasi:http)"
            ]
        );
        let granted: Vec<bool> = asks.iter().map(|ask| ask.granted).collect();
        assert_eq!(granted, [true, true, false, false]);
        assert!(asks[3].offered && asks[2].offered);
    }
}
