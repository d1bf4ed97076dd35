//! The host library through its public API: columns in and out, failures, limits, models, and plugins of earlier versions.

mod arguments;
mod chunks;
mod compat;
mod crowd;
mod echo;
mod generic;
mod imports;
mod loading;
mod models;
mod packages;
mod plain;
mod sandbox;
mod sessions;
mod trouble;
mod watch;
