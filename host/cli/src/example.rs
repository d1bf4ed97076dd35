//! `wudf run` without arguments: in a plugin's folder it runs the plugin that was
//! built there over the example that the manifest names.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser as _};

use crate::args::{Cli, Command, RunArgs};
use crate::project::{self, Case, Code, Project};
use crate::talk::Talk;

/// The plugin's folder around the current folder.
pub struct Example(Project);

/// The command line, and the project that stands in for what it leaves out, or why it cannot. Where there is none, what
/// is wrong with the command line is said, and the program ended.
pub fn parse() -> (Cli, Option<Result<Example>>) {
    let error = match Cli::try_parse() {
        Ok(cli) => return (cli, None),
        Err(error) => error,
    };
    if error.kind() == ErrorKind::MissingRequiredArgument
        && let Some(mut cli) = without_arguments()
        && let Command::Run(args) = &mut cli.command
        && let Some(manifest) = project::above().filter(|manifest| names_example(manifest))
    {
        let example = Project::read(&manifest).map(Example);
        if let Ok(Example(project)) = &example {
            fill(args, project, &project.settings.run);
        }
        return (cli, Some(example));
    }
    error.exit()
}

/// Whether a manifest names an example, before cargo is asked about the crate, which takes a while.
fn names_example(manifest: &Path) -> bool {
    let text = fs::read_to_string(manifest).unwrap_or_default();
    let Ok(table) = text.parse::<toml::Table>() else {
        // What is wrong with it is said when it is read.
        return true;
    };
    let find = |path: &[&str]| {
        let table = path
            .iter()
            .try_fold(&table, |table, key| table.get(*key)?.as_table());
        table.is_some_and(|table| table.contains_key("example"))
    };
    find(&["package", "metadata", "wudf"]) || find(&["run"])
}

/// Takes from a case what a command line leaves out.
pub fn fill(args: &mut RunArgs, project: &Project, case: &Case) {
    let shown = |path: &Path| project::from_here(path).to_string_lossy().into_owned();
    args.plugin = shown(&project.plugin());
    let files = case.example.iter().flat_map(|files| files.paths());
    args.inputs = files
        .map(|file| shown(&project.folder.join(file)))
        .collect();
    if args.function.columns.is_empty() {
        args.function.columns = case.columns.clone().unwrap_or_default();
    }
    let call = &mut args.function.call;
    if call.function.is_none() {
        call.function.clone_from(&case.function);
    }
    add(&mut call.options, case.options(), |(name, _)| name);
    add(
        &mut call.assets,
        case.assets(&project.folder),
        |(name, _)| name,
    );
    let models = case.models(&project.folder);
    add(&mut args.models.models, models, |model| {
        model.split_once('=').map_or(model, |(name, _)| name)
    });
}

/// Adds what has a name that nothing in the list has.
fn add<T>(list: &mut Vec<T>, more: impl Iterator<Item = T>, name: impl Fn(&T) -> &str) {
    for one in more {
        if list.iter().all(|known| name(known) != name(&one)) {
            list.push(one);
        }
    }
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
    /// Whether it is built; a warning where it was built from older sources.
    pub fn check(&self, talk: Talk) -> Result<()> {
        let path = self.0.plugin();
        let plugin = project::from_here(&path);
        ensure!(
            path.is_file(),
            "{} does not exist yet: run `wudf build`",
            plugin.display()
        );
        if let Some(newer) = self.0.newer_source() {
            talk.warn(&format!(
                "{} is newer than {}: run `wudf build`",
                project::from_here(&newer).display(),
                plugin.display()
            ));
        }
        Ok(())
    }

    /// Says what to add where a function must be chosen.
    pub fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let unknown = |error: &wudf::Error| error.kind() == wudf::ErrorKind::UnknownFunction;
        if !error.downcast_ref().is_some_and(unknown) {
            return error;
        }
        let table = match self.0.code {
            Code::Rust(_) => "[package.metadata.wudf] of Cargo.toml",
            Code::Wit(_) => "[run] of wudf.toml",
        };
        anyhow::anyhow!(
            "{error}\nwithout arguments: `wudf run --function NAME`, or set `function` in {table}"
        )
    }
}
