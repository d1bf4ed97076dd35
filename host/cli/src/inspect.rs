//! `wudf inspect`: what a plugin offers and asks for.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};
use wudf::{Plugin, Runtime, Volatility};
use wudf_adapter::{PluginSource, describe, options, reference};

use crate::args::InspectArgs;
use crate::talk::Talk;
use crate::{models, output};

pub fn inspect(args: &InspectArgs) -> Result<()> {
    let registries = args.registries.registries();
    let source = PluginSource::Named(args.plugin.clone());
    let fetch = models::fetch(Talk::silent());
    let found = reference::find(&source, None, &registries, &fetch)?;
    let plugin = found.load(&Runtime::new()?)?;
    let text = if args.json {
        format!("{:#}\n", as_json(&plugin))
    } else {
        as_text(&plugin)?
    };
    output::print(&text)
}

fn as_text(plugin: &Plugin) -> Result<String> {
    let bold = output::bold();
    let mut text = String::new();
    writeln!(text, "{bold}{}{bold:#}", plugin.name())?;
    writeln!(text, "  digest   {}", plugin.digest())?;
    writeln!(
        text,
        "  size     {}",
        indicatif::BinaryBytes(plugin.size() as u64)
    )?;
    writeln!(
        text,
        "  imports  {}",
        imports_in_words(plugin.imports()).join("; ")
    )?;
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

/// What a plugin may reach, for people: the interfaces that are the sandbox's own are of no interest.
fn imports_in_words(imports: &[String]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut add = |word: &str| {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    };
    for import in imports {
        let interface = import.split('@').next().unwrap_or(import);
        match interface.split_once('/').unwrap_or((interface, "")) {
            ("wudf:plugin", "assets") => add("assets"),
            ("wudf:plugin", _) => {}
            ("wasi:nn", _) => add("models (wasi:nn)"),
            (
                "wasi:filesystem" | "wasi:sockets" | "wasi:cli" | "wasi:io" | "wasi:clocks"
                | "wasi:random",
                _,
            ) => {
                add(
                    "the WASI that a language's library wants (no files, no network, fixed clock and randomness)",
                );
            }
            _ => add(import),
        }
    }
    if words.is_empty() {
        vec!["nothing".to_owned()]
    } else {
        words
    }
}

fn volatility_in_words(volatility: Volatility) -> &'static str {
    match volatility {
        Volatility::Immutable => "always the same for the same arguments",
        Volatility::Stable => "the same for the same arguments within one query",
        _ => "may differ from call to call",
    }
}

fn as_json(plugin: &Plugin) -> Value {
    json!({
        "name": plugin.name(),
        "digest": plugin.digest(),
        "size": plugin.size(),
        "imports": plugin.imports(),
        "functions": plugin.signatures().iter().map(describe::signature).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_told_in_words() {
        let imports: Vec<String> = [
            "wasi:nn/graph@0.2.0",
            "wasi:nn/tensor@0.2.0",
            "wasi:cli/stderr@0.2.9",
            "acme:gpu/x@1.0.0",
        ]
        .map(Into::into)
        .into();
        let words = imports_in_words(&imports);
        assert_eq!(words.len(), 3);
        assert!(words[1].contains("no files, no network"));
        assert_eq!(words[2], "acme:gpu/x@1.0.0");
        assert_eq!(imports_in_words(&[]), ["nothing"]);
    }
}
