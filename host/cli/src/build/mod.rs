//! `wudf build`: a plugin crate to a component that says what it is.

mod compile;
mod package;
mod revision;

use std::fs;

use anyhow::{Context as _, Result};
use wudf::{Plugin, Runtime};
use wudf_adapter::reference;
use wudf_registry::Metadata;

use self::compile::How;
pub use self::package::{Package, above, from_here};
use crate::args::BuildArgs;
use crate::output;
use crate::talk::Talk;

pub fn build(args: &BuildArgs, talk: Talk) -> Result<()> {
    let package = Package::read(&package::locate(args.path.as_deref())?)?;
    let how = How {
        auditable: args.auditable,
        quiet: talk.is_quiet(),
        more: &args.cargo,
    };
    let component = compile::compile(&package, &how)?;
    let bytes = facts(&package)
        .write(&component)
        .context("Cargo.toml has what a plugin cannot say of itself")?;
    let name = &package.manifest.name;
    // Before the file is there, so that what is there has passed.
    let plugin = match args.precheck {
        true => Some(Plugin::from_bytes(&Runtime::new()?, name, &bytes)?),
        false => None,
    };

    let path = args.output.clone().unwrap_or_else(|| package.plugin());
    if args.output.is_none()
        && let Some(folder) = path.parent()
    {
        fs::create_dir_all(folder).with_context(|| format!("cannot write {}", folder.display()))?;
    }
    output::write_file(&path, &bytes)
        .with_context(|| format!("cannot write {}", path.display()))?;

    talk.say(&format!(
        "{name} {}, {}, {}",
        package.manifest.version,
        indicatif::BinaryBytes(bytes.len() as u64),
        reference::digest_of(&bytes)
    ));
    for signature in plugin.iter().flat_map(Plugin::signatures) {
        talk.say(&format!("  {signature}"));
    }
    output::print(&format!("{}\n", from_here(&path).display()))
}

/// What the plugin will say of itself.
fn facts(package: &Package) -> Metadata {
    let manifest = &package.manifest;
    let text = |text: &Option<String>| text.as_deref().map(|text| text.trim().to_owned());
    let mut facts = Metadata::default();
    facts.name = Some(manifest.name.clone());
    facts.version = Some(manifest.version.clone());
    facts.description = text(&manifest.description);
    // Cargo still takes `MIT/Apache-2.0`, which SPDX does not.
    facts.licenses = text(&manifest.license).map(|license| license.replace('/', " OR "));
    facts.authors = Some(manifest.authors.join(", ")).filter(|authors| !authors.is_empty());
    facts.source = text(&manifest.repository);
    facts.homepage = text(&manifest.homepage);
    facts.revision = revision::of(&package.folder);
    facts
}
