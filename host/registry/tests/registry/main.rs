//! The client against well-behaved and hostile registries, other clients and other processes: the store never holds a wrong byte.

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
