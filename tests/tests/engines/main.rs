//! wudf inside engines and other languages: what each makes of good columns,
//! bad rows and hostile plugins, and that all of them give the same bits.
#![allow(missing_docs, clippy::unwrap_used)]

mod c;
mod capi;
mod rows;
mod same;

use std::io::Write as _;

/// Says that a test is skipped, past the capture of output: who runs the tests is to see it.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
