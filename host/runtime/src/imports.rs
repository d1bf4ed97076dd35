//! What a plugin's imports mean, in words.
//!
//! A component imports what its code calls, and a language's standard library
//! calls some of WASI without being asked: arguments, environment, output,
//! clocks, a seed for its maps. That says nothing about the plugin. The rest
//! does: who imports sockets has code that would use them.

use std::fmt;

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
    /// Whether there is something behind them. Files and the network are
    /// offered and refused: each call fails.
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
            ("wasi:http", _) => ("HTTP", false, false),
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
        assert!(!asks[3].offered && asks[2].offered);
    }
}
