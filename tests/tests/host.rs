//! The host library: plugins that behave, plugins that do not, and results that are Pillow's and torchvision's.
#![allow(missing_docs, clippy::unwrap_used)]

mod artifacts;
mod bindings;
mod hostile;
mod parity;
mod runtime;
