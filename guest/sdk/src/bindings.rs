//! What `wit/` says, in Rust.

// Generated code does not follow our lint table.
#![allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::undocumented_unsafe_blocks
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "wudf:plugin/plugin",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export",
    default_bindings_module: "wudf_guest::bindings",
});
