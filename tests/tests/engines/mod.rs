//! Plugins' functions inside engines and other languages: the same rows and the same failures in each, reported as the engine
//! reports its own, and the same bits from all of them.

mod c;
mod capi;
mod datafusion;
mod pipe;
mod rows;
mod same;
mod sql;
mod types;
