//! What `wit/` says, in Rust.

// Generated code does not follow our lint table.
#![allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used
)]

// Written by the test `bindings` from `wit/`, so that no plugin compiles the generator.
include!("generated.rs");
