//! `wudf update`: what the lock file pins.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use wudf_adapter::{Fetch, PluginSource, Registries, reference as plugins};
use wudf_registry::lock::{Lock, LockedModel, LockedPlugin};
use wudf_registry::{Kind, Reference, Registry};

use super::difference;
use crate::args::UpdateArgs;
use crate::talk::Talk;
use crate::{models, output};

/// Pins references, or moves all that are pinned; says what has changed.
pub fn update(args: &UpdateArgs, talk: Talk) -> Result<()> {
    let old = match args.lock.exists() {
        true => Lock::read(&args.lock)?,
        false => Lock::default(),
    };
    let references = match args.references.as_slice() {
        [] => {
            let plugins = old.plugins().map(|plugin| plugin.reference.clone());
            let models = old.models().map(|model| model.reference.clone());
            plugins.chain(models).collect()
        }
        given => given
            .iter()
            .map(|text| text.parse())
            .collect::<wudf_registry::Result<Vec<Reference>>>()?,
    };
    if references.is_empty() {
        bail!(
            "{} pins nothing yet: say what to pin, as in `wudf update oci://HOST/NAME:TAG`",
            args.lock.display()
        );
    }
    // What is pinned now is asked for anew.
    let registries = Registries {
        plain_http: args.plain_http,
        policy: args.policy.clone(),
        ..Registries::default()
    };
    let fetch = models::fetch(talk);
    let registry = registries.open(&fetch)?;
    let mut new = old.clone();
    let mut report = String::new();
    for reference in &references {
        let seen = registry.look(reference)?;
        let pinned = seen.reference;
        match seen.kind {
            Kind::Plugin => {
                let plugin = pin_plugin(&registry, &registries, reference, &pinned, &fetch)?;
                report.push_str(&difference::plugin(
                    &registry,
                    reference,
                    old.plugin(reference),
                    &plugin,
                )?);
                new.set_plugin(plugin);
            }
            Kind::Model => {
                let model = pin_model(&registry, reference, &pinned)?;
                report.push_str(&difference::model(reference, old.model(reference), &model));
                new.set_model(model);
            }
            _ => bail!("{reference} is neither a plugin nor a model"),
        }
    }
    if args.dry_run {
        talk.say("nothing was written");
    } else if new != old {
        write(&new, &args.lock)?;
    }
    output::print(&report)
}

fn pin_plugin(
    registry: &Registry,
    registries: &Registries,
    reference: &Reference,
    pinned: &Reference,
    fetch: &Fetch,
) -> Result<LockedPlugin> {
    // What the policy refuses is not pinned.
    let source = PluginSource::Named(pinned.to_string());
    let found = plugins::find(&source, None, registries, fetch)?;
    let models = found.models.iter().map(|(name, model)| {
        let locked = pin_model(registry, model, model)
            .with_context(|| format!("the model {name} of {reference}"))?;
        Ok((name.clone(), locked))
    });
    let layer = plugins::digest_of(&found.bytes);
    let mut plugin = LockedPlugin::new(reference.clone(), digest(pinned)?, layer);
    plugin.models = models.collect::<Result<_>>()?;
    Ok(plugin)
}

fn pin_model(
    registry: &Registry,
    reference: &Reference,
    pinned: &Reference,
) -> Result<LockedModel> {
    Ok(LockedModel::new(
        reference.clone(),
        digest(pinned)?,
        registry.look(pinned)?.layers,
    ))
}

fn digest(pinned: &Reference) -> Result<String> {
    pinned
        .digest()
        .map(str::to_owned)
        .context("a reference that was resolved has a digest")
}

fn write(lock: &Lock, path: &Path) -> Result<()> {
    lock.write(path)
        .with_context(|| format!("cannot write {}", path.display()))
}
