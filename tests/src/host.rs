//! What tests of the host library share: sessions with small limits, columns.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{Array, ArrayRef, Int64Array};
use serde_json::{Value, json};
use wudf::{Cache, Function, Limits, Plugin, Runtime, Session, SessionBuilder};
use wudf_fixtures::KIT;

/// Limits under which a hostile plugin is done with soon.
pub fn small() -> Limits {
    let mut limits = Limits::default();
    limits.memory = 64 << 20;
    limits.call_time = Duration::from_millis(300);
    limits.output = 16 << 20;
    limits.tensors = 16 << 20;
    limits
}

/// A session to be in a runtime of its own, whose compiled code is kept in the build's own
/// folder.
pub fn builder() -> SessionBuilder {
    runtime().session()
}

/// A runtime whose compiled code is kept in the build's own folder.
pub fn runtime() -> Runtime {
    let folder = cache();
    // Where the build's folder is somebody else's, tests are slow and no less true.
    let cache = match wudf::cache::private_folder(&folder) {
        Ok(()) => Cache::Folder(folder),
        Err(_) => Cache::Off,
    };
    let runtime = Runtime::builder().cache(cache).build();
    runtime.unwrap_or_else(|e| panic!("{e}"))
}

/// Where tests keep compiled plugins: beside the program that runs.
fn cache() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows where it is");
    program.with_file_name("wudf-tests-cache")
}

/// The well-behaved plugin.
pub fn kit(session: &Session) -> Plugin {
    Plugin::from_bytes(session, "kit", KIT.bytes).expect("the kit is a plugin")
}

/// One of its functions.
pub fn open(session: &Session, name: &str) -> Function {
    open_with(session, name, &json!({}))
}

/// One of its functions with options.
pub fn open_with(session: &Session, name: &str, options: &Value) -> Function {
    kit(session)
        .open(name, options)
        .unwrap_or_else(|e| panic!("{e}"))
}

/// Whole numbers.
pub fn ints(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

/// Whole numbers of a column, of which none is null.
pub fn to_ints(array: &dyn Array) -> Vec<i64> {
    assert_eq!(array.null_count(), 0, "{array:?}");
    let array = array.as_any().downcast_ref::<Int64Array>();
    array.expect("whole numbers").values().to_vec()
}

/// Fails when text from a plugin could steer a terminal.
pub fn assert_tame(text: &str) {
    let wild = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(wild), "control characters in {text:?}");
    assert!(text.len() < 5_000, "{} bytes of text", text.len());
}
