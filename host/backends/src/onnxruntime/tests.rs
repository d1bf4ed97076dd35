use std::fs;

use wudf::nn::ErrorKind;

use super::*;

fn find(library: impl Into<PathBuf>) -> Error {
    let found = OnnxRuntime::find(&Options::library(library), Arc::default());
    found.expect_err("this is no ONNX Runtime")
}

#[test]
fn versions() {
    for good in ["1.22.0", "1.22", "1.32.0", "1.100.3-rc1"] {
        assert_eq!(library::suitable(good), Ok(()), "{good}");
    }
    for old in ["1.21.1", "1.9.0", "0.30.0", "2.0.0"] {
        let why = library::suitable(old).unwrap_err();
        assert!(why.contains(old) && why.contains("1.22"), "{why}");
    }
    for odd in ["", "1", "x.y.z", "1.x", "version 1.30"] {
        assert!(
            library::suitable(odd)
                .unwrap_err()
                .contains("cannot be read"),
            "{odd}"
        );
    }
}

#[test]
fn a_library_that_does_not_exist() {
    let e = find("/nowhere/libonnxruntime.so");
    assert_eq!(e.kind(), ErrorKind::NotFound);
    assert!(e.to_string().contains("/nowhere/libonnxruntime.so"), "{e}");
    assert!(e.to_string().contains("pip install onnxruntime"), "{e}");
}

#[test]
fn a_folder_without_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let e = find(folder.path());
    assert_eq!(e.kind(), ErrorKind::NotFound);
    assert!(e.to_string().contains("no ONNX Runtime"), "{e}");
}

#[test]
#[cfg(unix)]
fn names_of_the_library() {
    let (good, bad) = if cfg!(target_os = "macos") {
        (
            ["libonnxruntime.dylib", "libonnxruntime.1.32.0.dylib"],
            ["libonnxruntime.so", "libonnxruntime_x.dylib"],
        )
    } else {
        (
            ["libonnxruntime.so", "libonnxruntime.so.1.32.0"],
            ["libonnxruntime_providers_shared.so", "libonnx.so"],
        )
    };
    assert!(good.iter().all(|name| search::is_library(name)));
    assert!(!bad.iter().any(|name| search::is_library(name)));
}

#[test]
#[cfg(target_os = "linux")]
fn files_that_are_no_onnx_runtime() {
    // Where the library is loaded already, another file is refused before it is
    // looked into.
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("libonnxruntime.so");
    fs::write(&text, "not a library").unwrap();
    let e = find(&text);
    assert!(
        matches!(e.kind(), ErrorKind::NotFound | ErrorKind::Unsupported),
        "{e}"
    );
    assert!(e.to_string().contains("libonnxruntime.so"), "{e}");
}
