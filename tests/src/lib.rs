//! What the tests share.

pub mod host;
pub mod mock;
pub mod pictures;
pub mod program;
pub mod tables;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
