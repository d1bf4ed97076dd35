//! What the tests share.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
