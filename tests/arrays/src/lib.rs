//! `wudf_adapter::arrays` without all that the adapter stands on, which Miri would have to build.

#[path = "../../../host/adapter/src/arrays.rs"]
pub mod arrays;
