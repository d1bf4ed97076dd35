#![doc = include_str!("../README.md")]

mod argument;
mod assets;
mod budget;
pub mod cache;
mod cancel;
mod columns;
mod compile_bounds;
mod contract;
mod engine;
mod error;
mod evaluation;
mod failure_budget;
mod function;
mod imports;
mod instance;
mod limits;
mod memory;
pub mod nn;
mod plain;
mod plugin;
mod pool;
mod precompiled;
mod runtime;
mod sandbox;
mod schedule;
mod session;
mod signature;
mod stats;
mod threads;

pub use argument::Argument;
pub use cache::Cache;
pub use cancel::{CallOptions, CancellationToken};
pub use columns::cast;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use columns::fuzz;
pub use error::{Error, ErrorKind, Result};
pub use evaluation::Evaluation;
pub use failure_budget::{FailureBudget, MaxFailures};
pub use function::{Arguments, Failure, Function, Output};
pub use imports::Ask;
pub use limits::Limits;
pub use memory::MemoryPool;
pub use plain::Skipped;
pub use plugin::Plugin;
pub use runtime::{Runtime, RuntimeBuilder};
pub use schedule::Slow;
pub use session::{Session, SessionBuilder};
pub use signature::{Signature, Volatility};
pub use stats::Stats;
