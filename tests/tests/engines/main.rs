//! Plugins' functions inside engines and other languages: the same rows and
//! the same trouble in each, the engine's own words for it, and the same bits
//! from all of them.

#![allow(clippy::unwrap_used)]

mod c;
mod capi;
mod datafusion;
mod pipe;
mod rows;
mod same;
mod sql;

use std::io::Write as _;

/// Says that a test is skipped, past the capture of output: who runs the tests
/// is to see it.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
