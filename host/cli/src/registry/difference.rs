//! What an update changes for those who call a plugin.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use wudf::{Plugin, Session};
use wudf_adapter::options;
use wudf_registry::lock::{LockedModel, LockedPlugin};
use wudf_registry::{Reference, Registry};

/// What a plugin offers and asks for: names, and what stands behind them.
type Offer = BTreeMap<String, String>;

/// What moves from one pin of a plugin to the next, a line each.
pub fn plugin(
    registry: &Registry,
    reference: &Reference,
    old: Option<&LockedPlugin>,
    new: &LockedPlugin,
) -> Result<String> {
    let mut text = String::new();
    let Some(old) = old else {
        writeln!(text, "{reference}\n  pinned at {}", new.manifest)?;
        return Ok(text);
    };
    if old == new {
        return Ok(format!("{reference}\n  unchanged\n"));
    }
    writeln!(text, "{reference}\n  {} -> {}", old.manifest, new.manifest)?;
    for (name, model) in &new.models {
        match old.models.get(name) {
            Some(before) if before.manifest == model.manifest => {}
            Some(before) => writeln!(
                text,
                "  ~ model {name}: {} -> {}",
                before.manifest, model.manifest
            )?,
            None => writeln!(text, "  + model {name}: {}", model.manifest)?,
        }
    }
    for name in old
        .models
        .keys()
        .filter(|name| !new.models.contains_key(*name))
    {
        writeln!(text, "  - model {name}")?;
    }
    if old.layer == new.layer {
        writeln!(text, "  the plugin itself is the same")?;
        return Ok(text);
    }
    let session = Session::new()?;
    let new = offer(&load(&session, registry, reference, &new.manifest)?);
    match load(&session, registry, reference, &old.manifest) {
        Ok(old) => text.push_str(&changes(&offer(&old), &new)),
        Err(error) => writeln!(text, "  the one before cannot be looked at: {error}")?,
    }
    Ok(text)
}

/// The same for a model.
pub fn model(reference: &Reference, old: Option<&LockedModel>, new: &LockedModel) -> String {
    match old {
        None => format!("{reference}\n  pinned at {}\n", new.manifest),
        Some(old) if old == new => format!("{reference}\n  unchanged\n"),
        Some(old) => format!("{reference}\n  {} -> {}\n", old.manifest, new.manifest),
    }
}

fn load(
    session: &Session,
    registry: &Registry,
    reference: &Reference,
    manifest: &str,
) -> Result<Plugin> {
    let pulled = registry.pull_plugin(&reference.at(manifest))?;
    // Nothing of it is called but what says what it offers.
    Ok(Plugin::from_bytes(
        session,
        reference.name(),
        &pulled.bytes,
    )?)
}

fn offer(plugin: &Plugin) -> Offer {
    let mut offer = Offer::new();
    for import in plugin.imports() {
        offer.insert(format!("import {import}"), String::new());
    }
    for signature in plugin.signatures() {
        let name = &signature.name;
        let whole = signature.to_string();
        let ty = whole.strip_prefix(name.as_str()).unwrap_or(&whole);
        offer.insert(format!("function {name}"), ty.to_owned());
        for model in &signature.models {
            offer.insert(
                format!("function {name} asks for the model {model}"),
                String::new(),
            );
        }
        let schema = &signature.options;
        let properties = schema.get("properties").and_then(|p| p.as_object());
        for (option, wanted) in properties.into_iter().flatten() {
            let mut is = options::describe(wanted, schema);
            if let Some(default) = wanted.get("default") {
                is.push_str(&format!(" [default: {}]", options::plain(default)));
            }
            offer.insert(format!("option {name}.{option}"), format!(": {is}"));
        }
    }
    offer
}

fn changes(old: &Offer, new: &Offer) -> String {
    let mut text = String::new();
    let mut line = |mark: char, name: &str, is: &str| {
        text.push_str(&format!("  {mark} {name}{is}\n"));
    };
    for (name, is) in new {
        match old.get(name) {
            Some(was) if was == is => {}
            Some(was) => {
                line('-', name, was);
                line('+', name, is);
            }
            None => line('+', name, is),
        }
    }
    for (name, was) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        line('-', name, was);
    }
    if text.is_empty() {
        text.push_str("  exports, imports and options are the same\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entries: &[(&str, &str)]) -> Offer {
        let entries = entries.iter();
        entries
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn what_changed_is_listed() {
        let old = of(&[
            ("function a", "()"),
            ("function b", "(x)"),
            ("import c", ""),
        ]);
        let new = of(&[
            ("function a", "()"),
            ("function b", "(y)"),
            ("import d", ""),
        ]);
        assert_eq!(
            changes(&old, &new),
            "  - function b(x)\n  + function b(y)\n  + import d\n  - import c\n"
        );
        assert!(changes(&old, &old).contains("the same"));
    }
}
