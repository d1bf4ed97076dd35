//! `wudf build`: the sources of a plugin to a component that says what it is.

mod c;
mod javascript;
mod python;
mod revision;
mod rust;
mod tools;
mod wit;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use wudf::{ErrorKind, Plugin, Session};
use wudf_registry::Metadata;

use self::wit::Wit;
use crate::args::BuildArgs;
use crate::output;
use crate::progress;
use crate::project::{self, Code, Language, Project};
use crate::talk::Talk;

/// How to compile.
pub struct How<'a> {
    /// Whether a plugin in Rust has the list of its dependencies in it.
    pub auditable: bool,
    pub talk: Talk,
    /// For the language's tool, as they are.
    pub more: &'a [String],
}

/// `wudf build`.
pub fn build(args: &BuildArgs, talk: Talk) -> Result<()> {
    let project = Project::read(&project::locate(args.path.as_deref())?)?;
    let how = How {
        auditable: args.auditable,
        talk,
        more: &args.tool,
    };
    let built = make(&project, args.output.clone(), &how)?;
    talk.say(&format!(
        "{} {}, {}, {}",
        project.about.name,
        project.about.version,
        indicatif::BinaryBytes(built.plugin.size() as u64),
        built.plugin.digest()
    ));
    for signature in built.plugin.signatures() {
        talk.say(&format!("  {signature}"));
    }
    for skipped in built.plugin.skipped() {
        talk.warn(&format!(
            "{} is not a function of rows: {}",
            skipped.export, skipped.reason
        ));
    }
    output::print(&format!("{}\n", project::from_here(&built.path).display()))
}

/// A plugin that was built.
pub struct Built {
    pub path: PathBuf,
    pub plugin: Plugin,
}

/// Builds a plugin and checks it as a run would; the file is written once it has passed.
pub fn make(project: &Project, output: Option<PathBuf>, how: &How<'_>) -> Result<Built> {
    let folder = project.target.join("wudf");
    fs::create_dir_all(&folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let component = compile(project, how)?;
    let bytes = about(project).write(&component).with_context(|| {
        format!(
            "{} has values that a plugin cannot have",
            project::from_here(&project.manifest).display()
        )
    })?;
    let plugin = check(project, &bytes, how.talk)?;
    let path = output.unwrap_or_else(|| project.plugin());
    output::write_file(&path, &bytes)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Built { path, plugin })
}

fn compile(project: &Project, how: &How<'_>) -> Result<Vec<u8>> {
    let sources = match &project.code {
        Code::Rust(package) => return rust::compile(package, how),
        Code::Wit(sources) => sources,
    };
    let wit = Wit::read(&sources.wit, sources.world.as_deref())?;
    match sources.language {
        Language::Python => python::compile(project, sources, wit.name(), how),
        Language::Js => javascript::compile(project, sources, wit.name(), how),
        Language::C => c::compile(project, sources, wit, how),
    }
}

/// Loads the plugin. What is compiled on the way stays in the cache, so that the first run begins at once.
fn check(project: &Project, bytes: &[u8], talk: Talk) -> Result<Plugin> {
    let name = &project.about.name;
    let session = Session::new()?;
    let doing = progress::compiling(name, bytes.len());
    let loaded = progress::step(talk, &doing, || Plugin::from_bytes(&session, name, bytes));
    loaded.map_err(|error| {
        let hint = match project.code {
            Code::Rust(_) => "list its functions in `wudf_guest::plugin!(...)` in src/lib.rs",
            Code::Wit(_) => "the world in its WIT must export functions of types that columns have",
        };
        match error.kind() {
            ErrorKind::InvalidPlugin => anyhow::anyhow!("{error}\n{hint}"),
            _ => error.into(),
        }
    })
}

/// What the plugin will say about itself.
fn about(project: &Project) -> Metadata {
    let about = &project.about;
    let text = |text: &Option<String>| text.as_deref().map(|text| text.trim().to_owned());
    let mut metadata = Metadata::default();
    metadata.name = Some(about.name.clone());
    metadata.version = Some(about.version.clone());
    metadata.description = text(&about.description);
    // Cargo still takes `MIT/Apache-2.0`, which SPDX does not.
    metadata.licenses = text(&about.license).map(|license| license.replace('/', " OR "));
    metadata.authors = Some(about.authors.join(", ")).filter(|authors| !authors.is_empty());
    metadata.source = text(&about.repository);
    metadata.homepage = text(&about.homepage);
    metadata.revision = revision::of(&project.manifest);
    metadata
}
