//! What the tests of all crates share and that depends on none of them, so that every crate can use it.

mod folders;
#[cfg(unix)]
mod fork;
#[cfg(not(target_family = "wasm"))]
pub mod registry;
mod seeds;
mod skips;

pub use folders::{pictures, shared};
#[cfg(unix)]
pub use fork::holds_in_a_fork;
pub use seeds::{seeds, seeds_of};
pub use skips::{skipped, tool};
