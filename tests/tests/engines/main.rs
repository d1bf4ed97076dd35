//! Plugins' functions inside engines: the same rows and the same trouble in
//! each, and the engine's own words for it.

#![allow(clippy::unwrap_used)]

mod datafusion;
mod pipe;
mod sql;
