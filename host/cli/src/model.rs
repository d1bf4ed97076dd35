//! `wudf model`: models made from seeds, and those that were downloaded.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use wudf_backends::seeded;

use crate::args::ModelCommand;
use crate::talk::Talk;
use crate::{cache, output};

pub fn act(command: &ModelCommand, talk: Talk) -> Result<()> {
    match command {
        ModelCommand::Seed { name, output, seed } => {
            let bytes = seeded::build(&format!("{name}?seed={seed}"))?;
            output::write_file(output, &bytes)
                .with_context(|| format!("cannot write {}", output.display()))?;
            let size = indicatif::BinaryBytes(bytes.len() as u64);
            talk.say(&format!(
                "{}: {size}, untrained weights (seed {seed})",
                output.display()
            ));
            Ok(())
        }
        ModelCommand::List { json } => list(*json),
    }
}

fn list(as_json: bool) -> Result<()> {
    let cached = cached()?;
    if as_json {
        let cached: Vec<Value> = cached
            .iter()
            .map(|model| json!({ "digest": model.digest, "size": model.size, "path": model.path }))
            .collect();
        return output::print(&format!(
            "{:#}\n",
            json!({ "seeded": seeded::names().collect::<Vec<_>>(), "downloaded": cached })
        ));
    }
    let mut text = "seeded (untrained weights, made on the spot)\n".to_owned();
    for name in seeded::names() {
        text.push_str(&format!("  seeded:{name}\n"));
    }
    text.push_str("\ndownloaded\n");
    for model in &cached {
        text.push_str(&format!(
            "  {}  {}\n",
            model.digest,
            indicatif::BinaryBytes(model.size)
        ));
    }
    match (&cached[..], cache::models()) {
        ([], Some(folder)) => text.push_str(&format!("  none in {}\n", folder.display())),
        ([], None) => text.push_str("  none: there is no cache folder\n"),
        _ => {}
    }
    output::print(&text)
}

struct Cached {
    digest: String,
    size: u64,
    path: PathBuf,
}

/// The downloads: files named after their digests.
fn cached() -> Result<Vec<Cached>> {
    let Some(folder) = cache::models().filter(|folder| folder.is_dir()) else {
        return Ok(Vec::new());
    };
    let cannot_list = || format!("cannot list {}", folder.display());
    let mut models = Vec::new();
    for entry in fs::read_dir(&folder).with_context(cannot_list)? {
        let entry = entry.with_context(cannot_list)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(hex) = name
            .strip_prefix("sha256-")
            .and_then(|name| name.strip_suffix(".onnx"))
        {
            let size = entry.metadata().with_context(cannot_list)?.len();
            models.push(Cached {
                digest: format!("sha256:{hex}"),
                size,
                path: entry.path(),
            });
        }
    }
    models.sort_by(|a, b| a.digest.cmp(&b.digest));
    Ok(models)
}
