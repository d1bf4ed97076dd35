//! `wudf run` without arguments: in a plugin crate it runs the plugin that was
//! built there over the example that the manifest names.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Result, ensure};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser as _};

use crate::args::{Cli, Command};
use crate::build::{self, Package};
use crate::talk::Talk;

/// The plugin crate around this folder.
pub struct Example {
    plugin: PathBuf,
    inputs: Vec<PathBuf>,
    folder: PathBuf,
}

/// The command line, and the crate that stands in for what it leaves out, or why it cannot. Where there is none, what
/// is wrong with the command line is said, and the program ended.
pub fn parse() -> (Cli, Option<Result<Example>>) {
    let error = match Cli::try_parse() {
        Ok(cli) => return (cli, None),
        Err(error) => error,
    };
    if error.kind() == ErrorKind::MissingRequiredArgument
        && let Some(mut cli) = without_arguments()
        && let Command::Run(args) = &mut cli.command
        && let Some(example) = Example::here()
    {
        if let Ok(example) = &example {
            args.plugin = shown(&example.plugin);
            args.inputs = example.inputs.iter().map(|path| shown(path)).collect();
        }
        return (cli, Some(example));
    }
    error.exit()
}

/// A path as one would write it here.
fn shown(path: &Path) -> String {
    build::from_here(path).to_string_lossy().into_owned()
}

/// The command line as one of `run` with neither plugin nor input, if it is one.
fn without_arguments() -> Option<Cli> {
    const NAMES: [&str; 2] = ["plugin", "inputs"];
    let command = Cli::command().mut_subcommand("run", |run| {
        let optional = |arg: clap::Arg| arg.required(false).default_value("-");
        NAMES
            .into_iter()
            .fold(run, |run, name| run.mut_arg(name, optional))
    });
    let matches = command.try_get_matches().ok()?;
    let run: &ArgMatches = matches.subcommand_matches("run")?;
    let left_out = |name: &str| run.value_source(name) == Some(ValueSource::DefaultValue);
    NAMES
        .iter()
        .all(|name| left_out(name))
        .then(|| Cli::from_arg_matches(&matches).ok())?
}

impl Example {
    /// None where there is no plugin crate, or none with an example.
    fn here() -> Option<Result<Self>> {
        let manifest = build::above()?.canonicalize().ok()?;
        // Before cargo is asked, which takes a while.
        let text = fs::read_to_string(&manifest).ok()?;
        let table: toml::Table = text.parse().ok()?;
        let settings = table.get("package")?.get("metadata")?.get("wudf")?;
        settings.get("example")?;
        Some(Self::of(&manifest))
    }

    fn of(manifest: &Path) -> Result<Self> {
        let package = Package::read(manifest)?;
        Ok(Self {
            plugin: package.plugin(),
            inputs: package.example()?,
            folder: package.folder,
        })
    }

    /// That it is built; a word where it was built of older sources.
    pub fn check(&self, talk: Talk) -> Result<()> {
        let plugin = build::from_here(&self.plugin);
        ensure!(
            self.plugin.is_file(),
            "{} is not there yet: `wudf build` makes it",
            plugin.display()
        );
        let built = changed(&self.plugin);
        let sources = walkdir::WalkDir::new(self.folder.join("src"))
            .into_iter()
            .flatten()
            .filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .chain(["Cargo.toml", "Cargo.lock"].map(|name| self.folder.join(name)));
        let newest = sources.max_by_key(|path| changed(path));
        if let Some(newest) = newest.filter(|newest| changed(newest) > built) {
            talk.warn(&format!(
                "{} is newer than {}: `wudf build` makes it anew",
                build::from_here(&newest).display(),
                plugin.display()
            ));
        }
        Ok(())
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}
