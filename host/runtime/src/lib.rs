//! A WebAssembly UDF runtime for portable per-row extraction.

pub mod nn;
