//! `wudf sql`: SQL with plugins' functions in it, over files.

mod errors;
mod interrupt;
mod results;
mod session;
mod shell;
mod tables;

use std::io::{IsTerminal as _, Read as _};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tokio::runtime::Runtime;

use self::results::Statements;
use self::session::Session;
use crate::args::SqlArgs;
use crate::output::Target;
use crate::stats;
use crate::talk::Talk;

/// The stack of a thread that plans: expressions are as deep as they are long.
/// It is taken only where it is used.
const STACK: usize = 256 << 20;

/// Runs statements, or asks for them.
pub fn sql(args: &SqlArgs, talk: Talk) -> Result<()> {
    let path = args.output.as_deref();
    let target = match path.filter(|path| path.as_os_str() != "-") {
        Some(path) => Target::named(Some(path), args.format, "--format")?,
        None => Target::new(None, args.format)?,
    };
    let (text, stdin_is_free) = match (&args.sql, &args.file) {
        (Some(text), _) => (Some(text.clone()), true),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            (Some(text), true)
        }
        (None, None) if std::io::stdin().is_terminal() => (None, false),
        (None, None) => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read stdin")?;
            (Some(text), false)
        }
    };
    let statements = text.as_deref().map(Statements::parse).transpose()?;
    match &statements {
        Some(statements) => statements.check(&target)?,
        None if target.path().is_some() => bail!("-o wants statements, which nobody gave"),
        None => {}
    }
    let threads = args.limits.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let session = Arc::new(Session::new(args, &target, threads, stdin_is_free, talk)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_stack_size(STACK)
        .build()
        .context("cannot start threads")?;
    let done = match statements {
        Some(statements) => wait(
            &runtime,
            statements.run(Arc::clone(&session), Arc::new(target), talk),
        ),
        None => shell::ask(&runtime, &session, Arc::new(target), talk),
    };
    if args.stats {
        for (name, stats) in session.stats() {
            talk.say(&format!("{name}\n{}", stats::of_function(&stats)));
        }
    }
    // What still reads or computes will find nobody waiting.
    runtime.shutdown_background();
    done
}

/// Runs a task on a thread of the runtime, whose stack is large.
fn wait<T: Send + 'static>(
    runtime: &Runtime,
    task: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match runtime.block_on(runtime.spawn(task)) {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(error.into()),
    }
}
