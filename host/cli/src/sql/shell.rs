//! Statements asked for at a terminal.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use rustyline::config::{Behavior, Configurer as _};
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};
use tokio::runtime::Runtime;

use super::interrupt::Listener;
use super::results::Statements;
use super::session::Session;
use crate::cache;
use crate::output::{self, Target};
use crate::talk::{self, Talk};

const HELP: &str = "Statements end with ; and may take several lines. Ctrl-C stops what runs, and forgets what was begun.

  SELECT path, length FROM 'photos/' LIMIT 5;
  CREATE FUNCTION embed(image BYTEA) RETURNS FLOAT[] LANGUAGE wasm AS 'image-features?layer=features';
  SELECT path, embed(content) FROM 'photos/';

  \\d        tables and plugins' functions
  \\d NAME   the columns of a table, or of files: \\d 'photos/'
  help      this text; `wudf sql --help` says more
  \\q        the end; so does Ctrl-D
";

/// The entries that the history keeps.
const HISTORY: usize = 1_000;

/// Asks until the user has had enough. A statement that fails is not the end.
pub fn ask(
    runtime: &Runtime,
    session: &Arc<Session>,
    target: Arc<Target>,
    talk: Talk,
) -> Result<()> {
    let config = Config::builder()
        .max_history_size(HISTORY)?
        // Stdout is for data.
        .behavior(Behavior::PreferTerm)
        .build();
    let mut editor = DefaultEditor::with_config(config).context("cannot use the terminal")?;
    editor.set_auto_add_history(false);
    let history = history();
    if let Some(path) = &history {
        // There is none the first time.
        let _ = editor.load_history(path);
    }
    talk.say("wudf sql: statements end with ;  `help` says what there is, \\q ends");
    let mut begun = String::new();
    loop {
        let prompt = if begun.is_empty() { "wudf> " } else { "   -> " };
        match editor.readline(prompt) {
            Ok(line) => {
                begun.push_str(&line);
                begun.push('\n');
            }
            Err(ReadlineError::Interrupted) => {
                begun.clear();
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error).context("cannot read from the terminal"),
        }
        let input = match Input::of(&begun) {
            Input::Nothing => {
                begun.clear();
                continue;
            }
            Input::Unfinished => continue,
            Input::Quit => return Ok(()),
            input => input,
        };
        let _ = editor.add_history_entry(begun.trim_end());
        if let Some(path) = &history {
            // Who cannot keep a history works without.
            let _ = editor.save_history(path);
        }
        let done = match input {
            Input::Help => output::print(HELP),
            Input::List => list(runtime, session, &target, talk),
            Input::Describe(name) => {
                run(runtime, session, &target, talk, &format!("DESCRIBE {name}"))
            }
            _ => run(runtime, session, &target, talk, &begun),
        };
        begun.clear();
        match done {
            // Nobody reads what this writes.
            Err(error) if output::broken_pipe() => return Err(error),
            Err(error) => talk::error(&error),
            Ok(()) => {}
        }
    }
}

/// What was typed.
#[derive(Debug, PartialEq)]
enum Input<'a> {
    Nothing,
    Unfinished,
    Quit,
    Help,
    List,
    Describe(&'a str),
    Statements,
}

impl<'a> Input<'a> {
    fn of(text: &'a str) -> Self {
        let word = text.trim();
        let word = word.strip_suffix(';').unwrap_or(word).trim_end();
        match word {
            "" => return Self::Nothing,
            "\\q" | "quit" | "exit" => return Self::Quit,
            "help" | "\\?" | "\\h" => return Self::Help,
            "\\d" => return Self::List,
            _ => {}
        }
        match word.strip_prefix("\\d ") {
            Some(name) => Self::Describe(name.trim()),
            // Anything else with a backslash is a command that there is not.
            None if word.starts_with('\\') => Self::Help,
            None if is_complete(text) => Self::Statements,
            None => Self::Unfinished,
        }
    }
}

/// Whether the text ends with a `;` that is in no string and no comment.
fn is_complete(text: &str) -> bool {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize();
    // What is not tokens is a string that has not ended yet.
    tokens.is_ok_and(|tokens| {
        let mut tokens = tokens.iter().rev();
        tokens.find(|token| !matches!(token, Token::Whitespace(_))) == Some(&Token::SemiColon)
    })
}

/// Runs statements until they end or the user interrupts them.
fn run(
    runtime: &Runtime,
    session: &Arc<Session>,
    target: &Arc<Target>,
    talk: Talk,
    text: &str,
) -> Result<()> {
    let statements = Statements::parse(text)?;
    let task = statements.run(Arc::clone(session), Arc::clone(target), talk);
    let listener = Listener::new();
    let task = runtime.spawn(task);
    let abort = task.abort_handle();
    runtime.block_on(async {
        tokio::select! {
            done = task => match done {
                Ok(done) => done,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(error) => Err(error.into()),
            },
            () = listener.heard() => {
                // What a plugin computes now ends with its batch, unheard.
                abort.abort();
                anyhow::bail!("interrupted")
            }
        }
    })
}

fn list(runtime: &Runtime, session: &Arc<Session>, target: &Arc<Target>, talk: Talk) -> Result<()> {
    run(
        runtime,
        session,
        target,
        talk,
        "SELECT table_name AS \"table\" FROM information_schema.tables \
         WHERE table_schema <> 'information_schema' ORDER BY 1",
    )?;
    let functions = session.functions();
    if functions.is_empty() {
        return output::print("no functions yet: CREATE FUNCTION makes them\n");
    }
    output::print(&format!("{}\n", functions.join("\n")))
}

/// Where the history is kept.
fn history() -> Option<PathBuf> {
    let folder = cache::own()?;
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("sql-history"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_with_a_semicolon() {
        for (text, complete) in [
            ("SELECT 1;\n", true),
            ("SELECT 1\n", false),
            ("SELECT ';\n", false),
            ("SELECT ';';\n", true),
            ("SELECT 1 -- ;\n", false),
            ("SELECT 1; -- one\n", true),
            ("SELECT /* ;\n", false),
            ("SELECT 1; SELECT 2\n", false),
        ] {
            assert_eq!(is_complete(text), complete, "{text}");
        }
    }

    #[test]
    fn commands_need_none() {
        assert_eq!(Input::of("\n"), Input::Nothing);
        assert_eq!(Input::of(" ;\n"), Input::Nothing);
        assert_eq!(Input::of("\\q\n"), Input::Quit);
        assert_eq!(Input::of("exit;\n"), Input::Quit);
        assert_eq!(Input::of("\\d\n"), Input::List);
        assert_eq!(Input::of("\\d 'photos/'\n"), Input::Describe("'photos/'"));
        assert_eq!(Input::of("\\x\n"), Input::Help);
        assert_eq!(Input::of("help\n"), Input::Help);
        assert_eq!(Input::of("SELECT\n"), Input::Unfinished);
        assert_eq!(Input::of("SELECT 1;\n"), Input::Statements);
    }
}
