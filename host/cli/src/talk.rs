//! What is said on stderr. Stdout is for data.

use anstyle::{AnsiColor, Style};
use tracing_subscriber::EnvFilter;

use crate::args;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default();

/// How much is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Talk {
    quiet: bool,
    color: bool,
}

impl Talk {
    /// Sets colours and tracing for the process.
    pub fn begin(args: args::Talk) -> Self {
        let choice = match args.color {
            args::Color::Auto => anstream::ColorChoice::Auto,
            args::Color::Always => anstream::ColorChoice::Always,
            args::Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        let color =
            anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
        if args.verbose > 0 {
            let filter = match args.verbose {
                1 => "wudf=info,wudf_backends=info,warn",
                2 => "wudf=debug,wudf_backends=debug,info",
                _ => "trace",
            };
            tracing_subscriber::fmt()
                .with_writer(std::io::stderr)
                .with_ansi(color)
                .with_env_filter(EnvFilter::new(filter))
                .init();
        }
        Self {
            quiet: args.quiet,
            color,
        }
    }

    /// One that says nothing.
    pub fn silent() -> Self {
        Self {
            quiet: true,
            color: false,
        }
    }

    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Whether stderr is to have colours.
    pub fn has_color(self) -> bool {
        self.color
    }

    /// One line, unless quiet.
    pub fn say(self, line: &str) {
        if !self.quiet {
            anstream::eprintln!("{line}");
        }
    }

    /// One line that deserves a look, unless quiet.
    pub fn warn(self, line: &str) {
        if !self.quiet {
            anstream::eprintln!("{WARNING}warning:{WARNING:#} {line}");
        }
    }
}

/// An error and what led to it.
pub fn error(error: &anyhow::Error) {
    anstream::eprintln!("{ERROR}error:{ERROR:#} {error}");
    // Layers often say what the layer below says, too.
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let text = cause.to_string();
        if !said.contains(&text) {
            anstream::eprintln!("  because: {text}");
            said = text;
        }
    }
}
