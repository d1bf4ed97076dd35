//! Registries, kind and hostile: what is right arrives, what is wrong does not,
//! and the store never holds a wrong byte.

#![allow(clippy::unwrap_used)]

mod common;
mod hostile;
mod interop;
mod lock;
mod manners;
mod place;
mod processes;
mod real;
mod server;
mod shapes;
mod signatures;
mod store;
