//! The program `wudf`: runs WebAssembly UDFs over files and tables.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod args;
#[cfg(feature = "build")]
mod build;
mod cache;
mod columns;
mod demo;
mod doctor;
mod example;
mod exit;
mod failures;
mod input;
mod inspect;
mod interrupt;
mod model;
mod models;
mod new;
mod output;
mod pipe;
mod pipeline;
mod progress;
#[cfg_attr(not(feature = "build"), allow(dead_code))]
mod project;
mod registry;
mod run;
#[cfg(feature = "sql")]
mod sql;
mod stats;
mod talk;
#[cfg(feature = "build")]
mod test;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::talk::Talk;

fn main() -> ExitCode {
    keep_to_itself();
    let (cli, example) = example::parse();
    let talk = Talk::begin(cli.talk);
    let done = interrupt::begin().and_then(|()| match example {
        None => act(cli.command, talk),
        Some(example) => {
            let example = example?;
            example.check(talk)?;
            act(cli.command, talk).map_err(|error| example.explain(error))
        }
    });
    let exit = match done {
        Ok(exit) => exit,
        // Whoever read our output has had enough.
        Err(_) if output::broken_pipe() => Exit::Success,
        Err(error) => {
            talk::error(&error);
            Exit::of(&error)
        }
    };
    exit.into()
}

fn act(command: Command, talk: Talk) -> Result<Exit> {
    match command {
        Command::Run(args) => return run::run(&args, talk),
        #[cfg(feature = "sql")]
        Command::Sql(args) => sql::sql(&args, talk)?,
        #[cfg(not(feature = "sql"))]
        Command::Sql(_) => {
            anyhow::bail!("this build of wudf has no SQL: build it with `--features sql`")
        }
        Command::Pipe(args) => pipe::pipe(&args, talk)?,
        Command::Inspect(args) => inspect::inspect(&args, talk)?,
        Command::New(args) => new::new(&args, talk)?,
        #[cfg(feature = "build")]
        Command::Build(args) => build::build(&args, talk)?,
        #[cfg(feature = "build")]
        Command::Test(args) => return test::test(&args, talk),
        #[cfg(not(feature = "build"))]
        Command::Build(_) | Command::Test(_) => {
            anyhow::bail!("this build of wudf builds no plugins: build it with `--features build`")
        }
        Command::Model(command) => model::act(&command, talk)?,
        Command::Push(args) => registry::push(&args, talk)?,
        Command::Pull(args) => registry::pull(&args, talk)?,
        Command::List(args) => registry::list(&args)?,
        Command::Remove(args) => registry::remove(&args, talk)?,
        Command::Update(args) => registry::update(&args, talk)?,
        Command::Key(command) => registry::key(&command, talk)?,
        Command::Sign(args) => registry::sign(&args, talk)?,
        Command::Verify(args) => registry::verify(&args)?,
        Command::Doctor(args) => doctor::doctor(&args)?,
        Command::Demo(args) => return demo::demo(&args, talk),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "wudf", &mut script);
            output::print(&String::from_utf8_lossy(&script))?;
        }
        Command::Man { folder } => {
            let made = std::fs::create_dir_all(&folder)
                .and_then(|()| clap_mangen::generate_to(Cli::command(), &folder));
            made.with_context(|| format!("cannot write man pages into {}", folder.display()))?;
        }
    }
    Ok(Exit::Success)
}

/// Has ONNX Runtime report nothing to its makers. From the moment that it is
/// loaded it keeps a number for the device and a database of events in the
/// user's cache, whatever its own interface is told later.
fn keep_to_itself() {
    const SWITCH: &str = "ORT_DISABLE_TELEMETRY";
    if std::env::var_os(SWITCH).is_none() {
        // SAFETY: no other thread has been started yet.
        unsafe { std::env::set_var(SWITCH, "1") };
    }
}
