//! The plugins that ship with wudf, compiled for `wasm32-wasip2` when this crate is
//! built.

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

impl Artifact {
    /// A compiled plugin.
    pub const fn new(name: &'static str, path: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, path, bytes }
    }

    /// Checks that the bytes are those of the file, and a component's.
    ///
    /// # Panics
    ///
    /// When they are not.
    #[doc(hidden)]
    pub fn check(&self) {
        // The magic number, then version 13 of layer 1: a component.
        const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
        let Self { name, path, bytes } = self;
        assert!(bytes.starts_with(COMPONENT), "{name}");
        let file = std::fs::read(path).unwrap_or_default();
        assert!(file == *bytes, "{name}: {path} holds something else");
    }
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
pub const IMAGE_FEATURES: Artifact =
    Artifact::new("image-features", IMAGE_FEATURES_FILE, IMAGE_FEATURES_BYTES);

/// The plugins that ship.
pub const SHIPPED: &[Artifact] = &[IMAGE_FEATURES];
