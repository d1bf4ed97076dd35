//! The models of a run, and what runs them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wudf::nn::ModelSpec;
use wudf::{ErrorKind, Function, Plugin, Signature};
use wudf_adapter::Spec;
use wudf_adapter::models::Models;
use wudf_backends::source::{Options, Progress, Source, Sources};
use wudf_backends::{catalogue, seeded};

use crate::args::{LimitArgs, ModelArgs};
use crate::cache;
use crate::talk::Talk;

/// What the command line says about models.
pub fn read(args: &ModelArgs, talk: Talk) -> Result<Models> {
    Ok(Models::read(
        &args.models,
        args.backend.as_deref(),
        args.onnxruntime.clone(),
        sources(talk),
    )?)
}

/// Where models come from, and what is shown while they do.
pub fn sources(talk: Talk) -> Arc<Sources> {
    let mut sources = Options::default();
    sources.cache = cache::models();
    sources.progress = download_bar(talk);
    Arc::new(Sources::new(sources))
}

/// What the command line says of a function that `reference` names, before options.
pub fn spec(
    reference: &str,
    models: &ModelArgs,
    assets: &[(String, String)],
    limits: &LimitArgs,
) -> Result<Spec> {
    let mut spec = Spec::new(reference);
    for entry in &models.models {
        let name = catalogue::parse(entry)?.name;
        let source = entry.split_once('=').map_or("", |(_, source)| source);
        if spec
            .models
            .insert(name.clone(), source.to_owned())
            .is_some()
        {
            bail!("the model {name} is named twice");
        }
    }
    for (name, path) in assets {
        if spec.assets.insert(name.clone(), path.into()).is_some() {
            bail!("--asset names {name} twice");
        }
    }
    spec.backend.clone_from(&models.backend);
    spec.onnxruntime.clone_from(&models.onnxruntime);
    spec.threads = limits.threads.map(usize::from);
    spec.memory = limits.memory()?;
    spec.time_limit = limits.time_limit;
    spec.cache = limits.cache();
    Ok(spec)
}

/// Says what deserves a look about the models of a function: untrained ones, and those that it does not want.
pub fn remark(models: &Models, function: &Signature, talk: Talk) {
    for spec in &models.specs {
        if !function.models.contains(&spec.name) {
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

/// Opens a function, and says what to add where a model is missing.
pub fn open(
    models: &Models,
    plugin: &Plugin,
    function: &Signature,
    options: &serde_json::Value,
) -> Result<Function> {
    plugin
        .open(&function.name, options)
        .map_err(|error| explain(models, function, error))
}

/// Says what to add where a model is missing.
pub fn explain(models: &Models, function: &Signature, error: wudf::Error) -> anyhow::Error {
    match models.missing(function) {
        Some(name) if error.kind() == ErrorKind::Model => missing(function, name),
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

/// What is told how a download goes on.
type Listener = Arc<dyn Fn(&Progress<'_>) + Send + Sync>;

/// Shows how a download goes on.
fn download_bar(talk: Talk) -> Option<Listener> {
    if talk.is_quiet() {
        return None;
    }
    let current: Mutex<Option<(String, ProgressBar)>> = Mutex::new(None);
    Some(Arc::new(move |progress: &Progress<'_>| {
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_none_or(|(url, _)| url != progress.url) {
            talk.say(&format!("downloading {}", progress.url));
            let bar = ProgressBar::with_draw_target(progress.total, ProgressDrawTarget::stderr());
            let template =
                "{bar:30} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━━─"));
            }
            *current = Some((progress.url.to_owned(), bar));
        }
        if let Some((_, bar)) = current.as_ref() {
            bar.set_position(progress.received);
            if Some(progress.received) == progress.total {
                bar.finish_and_clear();
            }
        }
    }))
}
