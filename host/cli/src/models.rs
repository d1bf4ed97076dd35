//! The models of a run, and what runs them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wudf::nn::ModelSpec;
use wudf::{ErrorKind, Signature};
use wudf_adapter::models::Models;
use wudf_adapter::registries::OnProgress;
use wudf_adapter::{Fetch, Spec};
use wudf_backends::source::Source;
use wudf_backends::{catalogue, seeded};

use crate::args::{LimitArgs, ModelArgs, RegistryArgs};
use crate::talk::Talk;
use crate::{cache, progress};

/// How downloads are kept, and how what takes a while is shown.
pub fn fetch(talk: Talk) -> Fetch {
    transfer(talk, "downloading")
}

/// The same, for what goes into a registry.
pub fn upload(talk: Talk) -> Fetch {
    transfer(talk, "uploading")
}

fn transfer(talk: Talk, doing: &'static str) -> Fetch {
    Fetch {
        cache: cache::models(),
        progress: transfer_bar(talk, doing),
        compiling: Some(Arc::new(move |name, size, work| {
            progress::step(talk, &progress::compiling(name, size), work);
        })),
    }
}

/// What the command line says about a function, before options. The function is a part of `reference`, or named apart.
pub fn spec(
    reference: &str,
    function: Option<&str>,
    models: &ModelArgs,
    assets: &[(String, String)],
    limits: &LimitArgs,
    registries: &RegistryArgs,
) -> Result<Spec> {
    let mut spec = Spec::new(reference);
    if let Some(function) = function {
        if let Some(other) = spec.function.filter(|other| other != function) {
            bail!(
                "the function is {other} in {reference} and {function} in --function: name it once"
            );
        }
        spec.function = Some(function.to_owned());
    }
    for entry in &models.models {
        let name = catalogue::parse(entry)?.name;
        let source = entry.split_once('=').map_or("", |(_, source)| source);
        if spec
            .models
            .insert(name.clone(), source.to_owned())
            .is_some()
        {
            bail!("--model names {name} twice");
        }
    }
    for (name, path) in assets {
        if spec.assets.insert(name.clone(), path.into()).is_some() {
            bail!("--asset names {name} twice");
        }
    }
    spec.backend.clone_from(&models.backend);
    spec.onnxruntime.clone_from(&models.onnxruntime);
    spec.openvino.clone_from(&models.openvino);
    spec.threads = limits.threads.map(usize::from);
    spec.memory = limits.memory()?;
    spec.time_limit = limits.time_limit;
    spec.cache = limits.cache();
    spec.registries = registries.registries();
    Ok(spec)
}

/// Says what deserves a look about the models of a function: untrained ones, and those that it does not want.
pub fn remark(spec: &Spec, models: &Models, function: &Signature, talk: Talk) {
    let given = &spec.models;
    for spec in &models.specs {
        if !function.models.contains(&spec.name) {
            if !given.contains_key(&spec.name) {
                continue;
            }
            talk.warn(&format!(
                "{} does not ask for a model {}",
                function.name, spec.name
            ));
        } else if is_untrained(spec) {
            talk.warn(&format!(
                "{} has untrained weights: its output means nothing",
                spec.name
            ));
        }
    }
}

/// Says what to add where a model or an asset is missing.
pub fn explain(
    spec: &Spec,
    models: &Models,
    function: &Signature,
    error: wudf::Error,
) -> anyhow::Error {
    let granted = |name: &&String| spec.assets.contains_key(*name);
    let asset = function.assets.iter().find(|name| !granted(name));
    match (error.kind(), models.missing(function), asset) {
        (ErrorKind::Model, Some(name), _) => missing(function, name),
        (ErrorKind::Asset, _, Some(name)) => {
            anyhow::anyhow!("missing asset `{name}`: pass `--asset {name}=FILE`")
        }
        _ => error.into(),
    }
}

fn missing(function: &Signature, name: &str) -> anyhow::Error {
    let mut text = format!(
        "{} runs the model {name}; say where it is:\n  --model {name}={name}.onnx",
        function.name
    );
    if seeded::names().any(|seeded| seeded == name) {
        text.push_str(&format!(
            "\nor try it with untrained weights:\n  --model {name}=seeded:{name}"
        ));
    }
    anyhow::anyhow!(text)
}

pub fn is_untrained(spec: &ModelSpec) -> bool {
    Source::of(&spec.source).is_some_and(|source| source.is_untrained())
}

/// Shows the progress of a download or an upload.
fn transfer_bar(talk: Talk, doing: &'static str) -> Option<OnProgress> {
    if talk.is_quiet() {
        return None;
    }
    let current: Mutex<Option<(String, ProgressBar)>> = Mutex::new(None);
    Some(Arc::new(
        move |what: &str, done: u64, total: Option<u64>| {
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            if current.as_ref().is_none_or(|(of, _)| of != what) {
                talk.say(&format!("{doing} {what}"));
                let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
                let template = "{bar:30} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta} left";
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style.progress_chars("━━─"));
                }
                *current = Some((what.to_owned(), bar));
            }
            if let Some((_, bar)) = current.as_ref() {
                bar.set_position(done);
                if Some(done) == total {
                    bar.finish_and_clear();
                }
            }
        },
    ))
}
