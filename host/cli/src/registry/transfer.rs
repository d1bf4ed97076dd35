//! `wudf push` and `wudf pull`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use wudf_adapter::{PluginSource, reference as plugins};
use wudf_registry::{Annotate, Kind, Reference, Registry};

use super::writable;
use crate::args::{PullArgs, PushArgs};
use crate::talk::Talk;
use crate::{models, output};

/// How a WebAssembly file begins.
const MAGIC: &[u8] = b"\0asm";

/// Puts a file into a registry; prints what it is there, by digest.
pub fn push(args: &PushArgs, talk: Talk) -> Result<()> {
    let registry = writable(args.plain_http, &models::upload(talk))?;
    let reference: Reference = args.reference.parse()?;
    ensure!(
        reference.digest().is_none(),
        "a push goes to a tag; the digest comes from what is pushed"
    );
    let file = &args.file;
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut annotate = Annotate {
        title: file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned()),
        annotations: args.annotations.iter().cloned().collect(),
        ..Annotate::default()
    };
    let is_plugin = bytes.starts_with(MAGIC);
    ensure!(
        is_plugin || args.models.is_empty(),
        "--model is for plugins, and {} is none",
        file.display()
    );
    for (name, model) in &args.models {
        let model: Reference = model.parse()?;
        let model = registry.resolve(&model)?;
        ensure!(
            annotate.models.insert(name.clone(), model).is_none(),
            "--model names {name} twice"
        );
    }
    let pushed = if is_plugin {
        registry.push_plugin(&bytes, &reference, &annotate)?
    } else {
        // Whatever is no plugin has to be a model that can be read.
        let files = wudf_backends::files(file)
            .with_context(|| format!("{} is neither a plugin nor a model", file.display()))?;
        registry.push_model(&files, &reference, &annotate)?
    };
    talk.say(&format!(
        "pushed {reference}, {}",
        indicatif::BinaryBytes(pushed.size)
    ));
    output::print(&format!("{}\n", pushed.reference))
}

/// Gets a plugin or a model; prints what it is, by digest.
pub fn pull(args: &PullArgs, talk: Talk) -> Result<()> {
    let registries = args.registries.registries();
    let fetch = models::fetch(talk);
    let registry = registries.open(&fetch)?;
    let reference: Reference = args.reference.parse()?;
    let seen = registry.look(&reference)?;
    let pinned = seen.reference;
    match seen.kind {
        Kind::Plugin => {
            // With the policy's word on it.
            let source = PluginSource::Named(pinned.to_string());
            let found = plugins::find(&source, None, &registries, &fetch)?;
            if let Some(path) = &args.output {
                output::write_file(path, &found.bytes)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
            for model in found.models.values() {
                talk.say(&format!("it runs the model {model}"));
            }
        }
        Kind::Model => pull_model(&registry, &pinned, args.output.as_deref())?,
        _ => bail!("{reference} is neither a plugin nor a model"),
    }
    talk.say(&format!(
        "pulled {reference}, {}",
        indicatif::BinaryBytes(seen.size)
    ));
    output::print(&format!("{pinned}\n"))
}

fn pull_model(registry: &Registry, reference: &Reference, to: Option<&Path>) -> Result<()> {
    let model = registry.pull_model(reference)?;
    let folder = model.path.parent().context("the store has no folders")?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .with_context(|| format!("cannot read {}", folder.display()))?;
    files.sort();
    for file in &files {
        let Some(to) = to else { continue };
        // Weights are found beside the model, under their own names.
        let to = match files.len() {
            1 => to.to_owned(),
            _ => {
                std::fs::create_dir_all(to)
                    .with_context(|| format!("cannot make the folder {}", to.display()))?;
                to.join(file.file_name().context("a file without a name")?)
            }
        };
        output::copy_file(file, &to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}
