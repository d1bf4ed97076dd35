//! The name that programs find the shared library by: its major version is the binary
//! interface's.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    let major = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
    if linux {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libwudf.so.{major}");
    }
}
