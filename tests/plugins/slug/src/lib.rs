//! The plugin that `wudf new` writes: what a small one costs is measured with it.

#[path = "../../../../host/cli/src/new/template/rust/lib.rs.txt"]
pub mod template;
