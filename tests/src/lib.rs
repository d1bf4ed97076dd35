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

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
