//! What the tests share.

pub mod host;
pub mod mock;
pub mod pictures;
pub mod program;
pub mod samples;
pub mod tables;

/// The Rust code of the documentation, so that it compiles. `tests/docs.py` checks that every page with such code is here.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/src/plugins.md")]
    struct Plugins;
    #[doc = include_str!("../../guest/README.md")]
    struct Guide;
    #[doc = include_str!("../../docs/src/rust.md")]
    struct Rust;
}
