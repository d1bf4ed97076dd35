//! `wudf inspect`: what a plugin offers and asks for.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};
use wudf::{Ask, Plugin, Session, Volatility};
use wudf_adapter::{PluginSource, describe, options, reference};
use wudf_registry::{DependencyKind, Metadata};

use crate::args::InspectArgs;
use crate::registry::Origin;
use crate::talk::Talk;
use crate::{models, output};

pub fn inspect(args: &InspectArgs, talk: Talk) -> Result<()> {
    let registries = args.registries.registries();
    let source = PluginSource::Named(args.plugin.clone());
    let fetch = models::fetch(talk);
    let found = reference::find(&source, None, &registries, &fetch)?;
    let plugin = found.load(&Session::new()?, &fetch)?;
    let facts = facts(&found.bytes);
    let origin = Origin::of(&args.plugin, &found, &registries)?;
    let text = if args.json {
        format!("{:#}\n", as_json(&plugin, &facts, &origin))
    } else {
        as_text(&plugin, &facts, &origin)?
    };
    output::print(&text)
}

/// What a plugin says of itself. It has been loaded, so its bytes are WebAssembly.
fn facts(bytes: &[u8]) -> Metadata {
    Metadata::read(bytes).unwrap_or_default()
}

fn as_text(plugin: &Plugin, facts: &Metadata, origin: &Origin) -> Result<String> {
    let bold = output::bold();
    let mut text = String::new();
    writeln!(text, "{bold}{}{bold:#}", plugin.name())?;
    for line in facts.description.iter().flat_map(|text| text.lines()) {
        writeln!(text, "  {line}")?;
    }
    if facts.description.is_some() {
        text.push('\n');
    }
    for (name, fact) in facts_in_words(facts).into_iter().chain(origin.in_words()) {
        writeln!(text, "  {name:<8} {fact}")?;
    }
    writeln!(text, "  digest   {}", plugin.digest())?;
    writeln!(
        text,
        "  size     {}",
        indicatif::BinaryBytes(plugin.size() as u64)
    )?;
    for (at, line) in imports_in_words(plugin.imports(), &plugin.asks())
        .iter()
        .enumerate()
    {
        let name = if at == 0 { "imports" } else { "" };
        writeln!(text, "  {name:<8} {line}")?;
    }
    for signature in plugin.signatures() {
        writeln!(text, "\n{bold}{signature}{bold:#}")?;
        for line in signature.doc.lines() {
            writeln!(text, "  {line}")?;
        }
        let mut facts = vec![(
            "result",
            volatility_in_words(signature.volatility).to_owned(),
        )];
        if !signature.models.is_empty() {
            facts.push(("models", signature.models.join(", ")));
        }
        if !signature.assets.is_empty() {
            facts.push(("assets", signature.assets.join(", ")));
        }
        if !signature.doc.is_empty() {
            text.push('\n');
        }
        for (name, fact) in facts {
            writeln!(text, "  {name:<8} {fact}")?;
        }
        options_in_words(&mut text, &signature.options)?;
    }
    if !plugin.skipped().is_empty() {
        writeln!(
            text,
            "\n{bold}exports that are not functions of rows{bold:#}"
        )?;
    }
    for skipped in plugin.skipped() {
        writeln!(text, "  {}: {}", skipped.export, skipped.reason)?;
    }
    Ok(text)
}

fn options_in_words(text: &mut String, schema: &Value) -> Result<()> {
    let Some(properties) = schema
        .get("properties")
        .and_then(Value::as_object)
        .filter(|p| !p.is_empty())
    else {
        return Ok(());
    };
    writeln!(text, "\n  options")?;
    for (name, wanted) in properties {
        write!(text, "    {name}: {}", options::describe(wanted, schema))?;
        if let Some(default) = wanted.get("default") {
            write!(text, " [default: {}]", options::plain(default))?;
        }
        text.push('\n');
        let doc = wanted
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for line in doc.lines() {
            writeln!(text, "        {}", line.trim())?;
        }
    }
    Ok(())
}

/// What a plugin says of itself, but for its description.
fn facts_in_words(facts: &Metadata) -> Vec<(&'static str, String)> {
    let called = [&facts.name, &facts.version].into_iter().flatten();
    let called: Vec<&str> = called.map(String::as_str).collect();
    let said = [
        ("name", (!called.is_empty()).then(|| called.join(" "))),
        ("licence", facts.licenses.clone()),
        ("authors", facts.authors.clone()),
        ("homepage", facts.homepage.clone()),
        ("source", facts.source.clone()),
        ("revision", facts.revision.clone()),
        (
            "made of",
            facts.dependencies.as_ref().map(|all| {
                let runtime = all
                    .iter()
                    .filter(|one| one.kind == DependencyKind::Runtime)
                    .count();
                let s = if runtime == 1 { "" } else { "s" };
                format!("{runtime} package{s}, which --json lists")
            }),
        ),
    ];
    let said = said.into_iter();
    said.filter_map(|(name, fact)| Some((name, fact?)))
        .collect()
}

/// What a plugin may reach, for people: the interfaces that are the sandbox's own are of no interest.
fn imports_in_words(imports: &[String], asks: &[Ask]) -> Vec<String> {
    let mut words: Vec<String> = asks
        .iter()
        .map(|ask| match ask.granted {
            true => ask.to_string(),
            false => format!("{ask}: denied"),
        })
        .collect();
    let mut library = false;
    for import in imports {
        let package = import.split('/').next().unwrap_or(import);
        match package {
            "wudf:plugin" => {}
            "wasi:cli" | "wasi:io" | "wasi:clocks" | "wasi:random" => library = true,
            _ if asks.iter().any(|ask| ask.package == package) => {}
            _ => words.push(format!("types of {import}")),
        }
    }
    if library {
        words
            .push("standard library (WASI: no environment, fixed clock and randomness)".to_owned());
    }
    if words.is_empty() {
        words.push("nothing".to_owned());
    }
    words
}

fn volatility_in_words(volatility: Volatility) -> &'static str {
    match volatility {
        Volatility::Immutable => "always the same for the same arguments",
        Volatility::Stable => "the same for the same arguments within one query",
        _ => "may differ from call to call",
    }
}

fn as_json(plugin: &Plugin, facts: &Metadata, origin: &Origin) -> Value {
    let skipped = plugin.skipped().iter();
    let skipped = skipped.map(|s| json!({ "export": s.export, "reason": s.reason }));
    let asks = plugin.asks();
    let asks = asks
        .iter()
        .map(|ask| json!({ "for": ask.what, "package": ask.package, "granted": ask.granted }));
    json!({
        "name": plugin.name(),
        "metadata": facts,
        "origin": origin.as_json(),
        "digest": plugin.digest(),
        "size": plugin.size(),
        "imports": plugin.imports(),
        "asks": asks.collect::<Vec<_>>(),
        "functions": plugin.signatures().iter().map(describe::signature).collect::<Vec<_>>(),
        "skipped": skipped.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_told_in_words() {
        let imports: Vec<String> = ["wasi:cli/stderr@0.2.9", "acme:gpu/types@1.0.0"]
            .map(Into::into)
            .into();
        let words = imports_in_words(&imports, &[]);
        assert_eq!(words.len(), 2);
        assert_eq!(words[0], "types of acme:gpu/types@1.0.0");
        assert!(words[1].contains("no environment"));
        assert_eq!(imports_in_words(&[], &[]), ["nothing"]);
    }

    #[test]
    fn only_what_is_said_is_shown() {
        assert_eq!(facts_in_words(&Metadata::default()), []);
        let mut facts = Metadata::default();
        facts.version = Some("1.0.0".into());
        facts.dependencies = Some(Vec::new());
        let said = facts_in_words(&facts);
        assert_eq!(said[0], ("name", "1.0.0".to_owned()));
        assert_eq!(said[1].1, "0 packages, which --json lists");
    }
}
