//! Plugins' functions inside engines and other languages: the same rows and
//! the same trouble in each, the engine's own words for it, and the same bits
//! from all of them.

mod c;
mod capi;
mod datafusion;
mod pipe;
mod rows;
mod same;
mod sql;
