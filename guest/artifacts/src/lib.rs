//! Every plugin of this repository, compiled for `wasm32-wasip2` when this crate
//! is built.

include!(concat!(env!("OUT_DIR"), "/artifacts.rs"));

/// A compiled plugin.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Artifact {
    /// The plugin's name, `image-features`.
    pub name: &'static str,
    /// The path of the file, valid on the machine that built it.
    pub path: &'static str,
    /// What is in the file.
    pub bytes: &'static [u8],
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, path, bytes } = self;
        write!(
            f,
            "Artifact {{ name: {name:?}, path: {path:?}, {} bytes }}",
            bytes.len()
        )
    }
}

/// Picture to features, and picture to tensor.
pub const IMAGE_FEATURES: Artifact = Artifact {
    name: "image-features",
    path: IMAGE_FEATURES_FILE,
    bytes: IMAGE_FEATURES_BYTES,
};

/// The plugins that ship.
pub const SHIPPED: &[Artifact] = &[IMAGE_FEATURES];

/// Plugins for tests and benches, which do not ship.
pub mod fixtures {
    use super::Artifact;

    /// Well-behaved functions of every type, and rows that go wrong.
    pub const KIT: Artifact = Artifact {
        name: "kit",
        path: super::KIT_FILE,
        bytes: super::KIT_BYTES,
    };

    /// A plugin that breaks the contract in every way that it can.
    pub const LIAR: Artifact = Artifact {
        name: "liar",
        path: super::LIAR_FILE,
        bytes: super::LIAR_BYTES,
    };

    /// The liar, telling this lie about its signatures (the names are in its
    /// `signatures.rs`). The file has a placeholder for it.
    ///
    /// # Panics
    ///
    /// When the name is too long.
    pub fn liar(lie: &str) -> Vec<u8> {
        const PREFIX: &[u8] = b"wudf-liar-says:";
        const ROOM: usize = 64 - PREFIX.len();
        assert!(lie.len() <= ROOM, "there is no room for {lie:?}");
        let mut bytes = LIAR.bytes.to_vec();
        let at = bytes
            .windows(PREFIX.len())
            .position(|window| window == PREFIX);
        let at = at.expect("the liar has its placeholder") + PREFIX.len();
        bytes[at..at + ROOM].fill(b' ');
        bytes[at..at + lie.len()].copy_from_slice(lie.as_bytes());
        bytes
    }

    /// Ordinary WIT functions, without the SDK.
    pub const PLAIN: Artifact = Artifact {
        name: "plain",
        path: super::PLAIN_FILE,
        bytes: super::PLAIN_BYTES,
    };

    /// What `wudf new` writes: one small function.
    pub const SLUG: Artifact = Artifact {
        name: "slug",
        path: super::SLUG_FILE,
        bytes: super::SLUG_BYTES,
    };
}

#[cfg(test)]
mod tests {
    use super::{Artifact, SHIPPED, fixtures};

    #[test]
    fn the_liar_has_one_placeholder() {
        let lies = fixtures::liar("traps");
        assert_eq!(lies.len(), fixtures::LIAR.bytes.len());
        let text = String::from_utf8_lossy(&lies);
        assert_eq!(text.matches("wudf-liar-says:").count(), 1);
        assert!(text.contains("wudf-liar-says:traps "));
    }

    #[test]
    fn every_file_is_a_component() {
        // The magic number, then version 13 of layer 1: a component.
        const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
        use fixtures::{KIT, LIAR, PLAIN, SLUG};
        let all = SHIPPED.iter().chain(&[KIT, LIAR, PLAIN, SLUG]);
        for Artifact { name, path, bytes } in all {
            assert!(bytes.starts_with(COMPONENT), "{name}");
            assert_eq!(
                std::fs::read(path).expect("the file is there"),
                *bytes,
                "{name}"
            );
        }
    }
}
