//! Plugins that break the contract in every way: each fails with the right error, within its limits, and without effect on other
//! plugins.

mod calls;
mod plain;
mod signatures;
