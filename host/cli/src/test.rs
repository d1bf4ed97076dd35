//! `wudf test`: a plugin's examples, in the real host, against the output that is expected.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anstyle::AnsiColor;
use anyhow::{Context as _, Result, bail};
use clap::Parser as _;
use similar::{ChangeTag, TextDiff};

use crate::args::{Cli, Command, RunArgs, TestArgs};
use crate::build::{self, How};
use crate::exit::Exit;
use crate::output::{self, Target};
use crate::project::{self, Case, Code, Project};
use crate::talk::Talk;
use crate::{example, run};

/// The lines of a difference that are shown.
const SHOWN: usize = 60;

pub fn test(args: &TestArgs, talk: Talk) -> Result<Exit> {
    let project = Project::read(&project::locate(args.path.as_deref())?)?;
    let cases = cases(&project)?;
    // Cargo knows what has changed; other tools start anew each time.
    let is_current = matches!(project.code, Code::Wit(_))
        && project.plugin().is_file()
        && project.newer_source().is_none();
    if !is_current {
        let how = How {
            auditable: false,
            talk,
            more: &args.tool,
        };
        build::make(&project, None, &how)?;
    }

    let mut differ = 0;
    for case in &cases {
        let file = case.expected(&project);
        let shown = project::from_here(&file);
        let (actual, rows) = case.run(&project)?;
        let rows = match rows {
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        };
        let expected = match fs::read_to_string(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", shown.display()));
            }
        };
        if expected.as_deref() == Some(&actual) {
            talk.say(&format!("{}: {rows}, as expected", case.name));
        } else if args.bless {
            output::write_file(&file, actual.as_bytes())
                .with_context(|| format!("cannot write {}", shown.display()))?;
            talk.say(&format!(
                "{}: {rows}, written to {}",
                case.name,
                shown.display()
            ));
        } else {
            differ += 1;
            let name = &case.name;
            let file = shown.display();
            match expected {
                Some(expected) => anstream::eprintln!(
                    "{name}: the output differs from {file} (- expected, + actual)\n{}",
                    difference(&expected, &actual).trim_end()
                ),
                None => anstream::eprintln!("{name}: {file} does not exist"),
            }
        }
    }
    if differ == 0 {
        return Ok(Exit::Success);
    }
    anstream::eprintln!(
        "{differ} of {} failed; if the output is right, accept it with `wudf test --bless`",
        cases.len()
    );
    Ok(Exit::Differs)
}

/// A case, with what it leaves out filled in, and its name.
struct Named {
    name: String,
    case: Case,
}

fn cases(project: &Project) -> Result<Vec<Named>> {
    let settings = &project.settings;
    let place = match project.code {
        Code::Rust(_) => "[package.metadata.wudf] of Cargo.toml",
        Code::Wit(_) => "[run] of wudf.toml",
    };
    let mut cases = Vec::new();
    if let Some(first) = settings
        .run
        .example
        .iter()
        .flat_map(|files| files.paths())
        .next()
    {
        let stem = first.file_stem().unwrap_or(first.as_os_str());
        cases.push(Named {
            name: stem.to_string_lossy().into_owned(),
            case: settings.run.clone(),
        });
    }
    for test in &settings.tests {
        let case = test.or(&settings.run);
        let name = test.name.clone().unwrap_or_default();
        if case.example.is_none() {
            bail!("the test {name} in {place} has no `example`");
        }
        if cases.iter().any(|other| other.name == name) {
            bail!("the test {name} in {place} has the name of another, or of the example file");
        }
        cases.push(Named { name, case });
    }
    if cases.is_empty() {
        bail!(
            "there is nothing to test: set `example` in {place} to a file of rows, as in example = \"example.csv\""
        );
    }
    Ok(cases)
}

impl Named {
    fn expected(&self, project: &Project) -> PathBuf {
        project
            .folder
            .join(format!("{}.expected.ndjson", self.name))
    }

    /// The output as NDJSON, and how many rows it has.
    fn run(&self, project: &Project) -> Result<(String, u64)> {
        let mut args = defaults()?;
        example::fill(&mut args, project, &self.case);
        let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
        let file = folder.path().join("actual.ndjson");
        let target = Target::new(Some(&file), None)?;
        // Failed rows are a part of the output.
        let done = run::execute(&args, &target, Talk::silent())
            .with_context(|| format!("the test {} cannot run", self.name))?;
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok((text, done.summary.rows))
    }
}

/// The arguments of `wudf run` where nothing is said.
fn defaults() -> Result<RunArgs> {
    let cli = Cli::try_parse_from(["wudf", "run", "-", "-"])?;
    match cli.command {
        Command::Run(args) => Ok(*args),
        _ => bail!("`wudf run` has no defaults"),
    }
}

/// The lines that differ, each with a few around it.
fn difference(expected: &str, actual: &str) -> String {
    let diff = TextDiff::from_lines(expected, actual);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(2).iter().enumerate() {
        if at > 0 {
            lines.push("  ...".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
                ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
                ChangeTag::Equal => (' ', anstyle::Style::new()),
            };
            let line = change.value().trim_end_matches('\n');
            lines.push(format!("{style}{sign} {line}{style:#}"));
        }
    }
    let left_out = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    let mut text = lines.join("\n");
    if left_out > 0 {
        let _ = write!(text, "\n  ... and {left_out} more lines");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_the_lines_that_changed() {
        let expected: String = (0..20).map(|n| format!("row {n}\n")).collect();
        let actual = expected.replace("row 9\n", "row nine\n");
        let said = anstream::adapter::strip_str(&difference(&expected, &actual)).to_string();
        assert_eq!(
            said,
            "  row 7\n  row 8\n- row 9\n+ row nine\n  row 10\n  row 11"
        );
        let other: String = (0..200).map(|n| format!("line {n}\n")).collect();
        let said = difference("", &other);
        assert!(said.ends_with("... and 140 more lines"), "{said}");
    }

    #[test]
    fn the_defaults_are_those_of_the_command_line() {
        let args = defaults().unwrap();
        assert!(args.function.columns.is_empty() && args.models.models.is_empty());
    }
}
