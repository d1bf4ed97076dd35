//! What the tests share.

pub mod host;
pub mod mock;
pub mod pictures;
pub mod program;
pub mod registry;
pub mod tables;

use std::io::Write as _;

/// Says that a test is skipped, past the capture of output: who runs the tests
/// is to see it.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// The Rust code of the documentation, so that it compiles. `tests/docs.py` checks that every page with such code is here.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/src/plugins.md")]
    struct Plugins;
    #[doc = include_str!("../../docs/src/rust.md")]
    struct Rust;
}
