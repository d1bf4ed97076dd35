#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod asynchronous;
mod body;
mod bound;
mod cancellation;
mod coerce;
mod declare;
mod factory;
mod memory;
mod types;
mod udf;

pub use cancellation::Cancellation;
pub use factory::WasmFunctions;
pub use memory::PoolMemory;
pub use types::sql_type;
pub use udf::WasmUdf;
