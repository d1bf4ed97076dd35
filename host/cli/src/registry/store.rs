//! `wudf list` and `wudf remove`: what was pulled.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use serde_json::json;
use wudf_adapter::{Fetch, Registries};
use wudf_registry::{Kind, Reference, Stored};

use crate::args::{ListArgs, RemoveArgs};
use crate::output;
use crate::talk::Talk;

/// Lists what the store has.
pub fn list(args: &ListArgs) -> Result<()> {
    let stored = Registries::default().open(&Fetch::default())?.list()?;
    output::print(&if args.json {
        let stored: Vec<_> = stored.iter().map(as_json).collect();
        format!("{:#}\n", json!(stored))
    } else {
        as_text(&stored)?
    })
}

fn as_text(stored: &[Stored]) -> Result<String> {
    let mut text = String::new();
    let names: Vec<String> = stored
        .iter()
        .map(|stored| name(&stored.reference))
        .collect();
    let width = names
        .iter()
        .map(String::len)
        .max()
        .unwrap_or_default()
        .max(9);
    let bold = output::bold();
    writeln!(
        text,
        "{bold}{:<width$}  {:<6}  {:>10}  {:<19}  PULLED{bold:#}",
        "REFERENCE", "KIND", "SIZE", "DIGEST"
    )?;
    for (name, stored) in names.iter().zip(stored) {
        let digest = stored.reference.digest().unwrap_or_default();
        writeln!(
            text,
            "{name:<width$}  {:<6}  {:>10}  {:<19}  {}",
            kind(stored.kind),
            indicatif::BinaryBytes(stored.size).to_string(),
            digest.get(..19).unwrap_or(digest),
            ago(stored.pulled),
        )?;
    }
    Ok(text)
}

/// The reference without the digest, which has a column of its own.
fn name(reference: &Reference) -> String {
    match reference.tag() {
        Some(tag) => reference.tagged(tag).to_string(),
        None => reference.to_string(),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Plugin => "plugin",
        Kind::Model => "model",
        _ => "other",
    }
}

fn ago(time: SystemTime) -> String {
    let passed = time.elapsed().unwrap_or(Duration::ZERO);
    format!(
        "{} ago",
        indicatif::HumanDuration(Duration::from_secs(passed.as_secs()))
    )
}

fn as_json(stored: &Stored) -> serde_json::Value {
    let pulled = stored.pulled.duration_since(SystemTime::UNIX_EPOCH);
    json!({
        "reference": name(&stored.reference),
        "digest": stored.reference.digest(),
        "kind": kind(stored.kind),
        "size": stored.size,
        "pulled": pulled.map(|time| time.as_secs()).unwrap_or_default(),
    })
}

/// Removes references, and the bytes that nothing else needs.
pub fn remove(args: &RemoveArgs, talk: Talk) -> Result<()> {
    let registry = Registries::default().open(&Fetch::default())?;
    for reference in &args.references {
        let freed = registry.remove(&reference.parse()?)?;
        talk.say(&format!(
            "removed {reference}, {} freed",
            indicatif::BinaryBytes(freed)
        ));
    }
    Ok(())
}
