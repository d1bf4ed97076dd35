//! The host library as its users have it: columns in, columns out, what goes
//! wrong and what it costs.

mod arguments;
mod chunks;
mod compat;
mod echo;
mod loading;
mod models;
mod plain;
mod sandbox;
mod trouble;
