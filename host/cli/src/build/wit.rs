//! The WIT of a plugin in a language other than Rust.

use std::path::Path;

use anyhow::{Context as _, Result};
use wit_bindgen_core::wit_parser::{Resolve, WorldId};

/// A world that was found.
pub struct Wit {
    pub resolve: Resolve,
    pub world: WorldId,
}

impl Wit {
    /// Reads a file, or a folder with its `deps`. Without a name it is the only world.
    pub fn read(path: &Path, world: Option<&str>) -> Result<Self> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(path).map_err(|error| {
            // With the place in the file, and without the steps that led there.
            let why = resolve.render_error(&error);
            let steps = format!("{}: ", path.display());
            let why = why.rsplit_once(&steps).map_or(why.as_str(), |(_, why)| why);
            anyhow::anyhow!("the WIT in {} is not valid: {}", path.display(), why.trim())
        })?;
        let world = resolve.select_world(&[package], world).with_context(|| {
            format!(
                "no world chosen of {}: set `world` in [build] of wudf.toml",
                path.display()
            )
        })?;
        Ok(Self { resolve, world })
    }

    /// The world's name.
    pub fn name(&self) -> &str {
        self.resolve
            .worlds
            .get(self.world)
            .map_or("", |world| world.name.as_str())
    }
}
