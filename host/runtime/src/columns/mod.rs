//! Columns into the sandbox and out of it: Arrow arrays as raw buffers.
//!
//! [`cast`] is the rule by which an engine's columns become what a plugin
//! declares, and [`arguments`] applies it to the rows of a call; [`lower`] lays
//! an array out as the contract has it, sharing its buffers; [`lift`] validates
//! what a plugin returned and makes an array of it; [`join`] makes one array of those of a
//! batch; [`schema`] turns types into
//! the format strings of the Arrow C Data Interface and back.

pub(crate) mod arguments;
pub mod cast;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub(crate) mod join;
pub(crate) mod lift;
pub(crate) mod lower;
mod nan;
pub(crate) mod nulls;
pub(crate) mod schema;
pub(crate) mod size;

#[cfg(test)]
mod tests;

use arrow_buffer::Buffer;

/// One node of an array tree on its way into the sandbox.
#[derive(Debug)]
pub(crate) struct Node {
    pub length: u64,
    pub null_count: u64,
    pub buffers: Vec<Buffer>,
}

/// One node of an array tree on its way out of the sandbox: hostile until checked.
#[derive(Clone, Debug)]
pub(crate) struct Returned {
    pub length: u64,
    pub null_count: u64,
    pub buffers: Vec<Vec<u8>>,
}
