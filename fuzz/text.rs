//! What the program does with columns of text, compiled without the rest of it.

// The program calls what no target does.
#![allow(dead_code)]

#[path = "../host/cli/src/input/text/fuzz.rs"]
pub mod fuzz;
#[path = "../host/cli/src/input/text/kind.rs"]
mod kind;
#[path = "../host/cli/src/input/text/shape.rs"]
mod shape;
