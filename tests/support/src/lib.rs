//! What the tests of all crates share and that depends on none of them, so that every crate can use it.

mod folders;
#[cfg(not(target_family = "wasm"))]
pub mod registry;
mod seeds;
mod skips;

pub use folders::{pictures, shared};
pub use seeds::{seeds, seeds_of};
pub use skips::{skipped, tool};
