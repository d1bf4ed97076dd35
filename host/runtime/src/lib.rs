#![doc = include_str!("../README.md")]

mod argument;
mod assets;
mod budget;
pub mod cache;
mod cancel;
mod columns;
mod compile_bounds;
mod contract;
mod error;
mod function;
mod imports;
mod instance;
mod limits;
pub mod nn;
mod plain;
mod plugin;
mod pool;
mod runtime;
mod sandbox;
mod schedule;
mod signature;

pub use argument::Argument;
pub use cache::Cache;
pub use cancel::{CallOptions, CancellationToken};
pub use columns::cast;
pub use error::{Error, ErrorKind, Result};
pub use function::{Arguments, Failure, Function, Output, Stats};
pub use imports::Ask;
pub use limits::Limits;
pub use plain::Skipped;
pub use plugin::Plugin;
pub use runtime::{Runtime, RuntimeBuilder};
pub use signature::{Signature, Volatility};
