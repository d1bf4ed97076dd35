//! The program `wudf`, the engines that embed wudf, and the registries that both of them use.
#![allow(missing_docs, clippy::unwrap_used)]

mod cli;
mod engines;
mod registry;
