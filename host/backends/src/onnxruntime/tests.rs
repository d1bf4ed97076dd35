use std::fs;

use wudf::CallOptions;
use wudf::nn::{ErrorKind, ModelSource, ModelSpec, Tensor, TensorType};

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
    assert!(good.iter().all(|name| library::WANTED.is_library(name)));
    assert!(!bad.iter().any(|name| library::WANTED.is_library(name)));
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

/// What was optimised is kept, and mapped by who comes next; what is kept may
/// be damaged or impossible to write.
#[test]
fn an_optimised_model_is_kept() {
    let Some(installed) = crate::tests::onnxruntime() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut options = crate::source::Options {
        cache: Some(folder.path().to_owned()),
        ..Default::default()
    };
    let backend = |options| OnnxRuntime {
        sources: Arc::new(Sources::new(options)),
        ..(*installed).clone()
    };
    let kept = backend(options.clone());
    let spec = ModelSpec::new("resnet50", "seeded:resnet50");
    let values = (0..3 * 224 * 224).map(|n| (n % 251) as f32 / 251.0);
    let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    let picture = Tensor::new(vec![1, 3, 224, 224], TensorType::F32, bytes).unwrap();
    let run = |backend: &OnnxRuntime, outputs: &[String]| {
        let model = backend.load(&LoadRequest::new(&spec, outputs)).unwrap();
        let mut given = model
            .run(&[("input", &picture)], &CallOptions::default())
            .unwrap();
        (
            given.remove(0).data().to_vec(),
            model.outputs().to_vec(),
            maps(folder.path()),
        )
    };
    let logits = ["logits".to_owned()];

    // Where nothing can be kept.
    let blocked = folder.path().join("blocked");
    fs::write(&blocked, "").unwrap();
    options.cache = Some(blocked.clone());
    let (wanted, outputs, mapped) = run(&backend(options), &logits);
    assert!(!mapped);
    fs::remove_file(blocked).unwrap();

    let places = || -> Vec<PathBuf> {
        let entries = fs::read_dir(folder.path().join("onnxruntime")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    // Made, then found.
    for _ in 0..2 {
        assert!(run(&kept, &logits) == (wanted.clone(), outputs.clone(), true));
        assert_eq!(places().len(), 1);
    }
    // Other outputs are another model.
    let (features, ..) = run(&kept, &["features".to_owned()]);
    assert_eq!(features.len(), 4 * 2048);
    assert_eq!(places().len(), 2);
    // Damaged files are made anew.
    for name in ["graph.onnx", "weights"] {
        for place in places() {
            fs::write(place.join(name), "no such thing").unwrap();
        }
        assert!(
            run(&kept, &logits) == (wanted.clone(), outputs.clone(), true),
            "{name}"
        );
    }
    // A model of a plugin's own is none for the disk.
    let bytes = crate::seeded::build("resnet50?seed=3").unwrap();
    let spec = ModelSpec::new("own", ModelSource::Bytes(bytes.into()));
    kept.load(&LoadRequest::new(&spec, &logits)).unwrap();
    assert_eq!(places().len(), 2);
}

/// Whether this process has mapped a file of weights below a folder.
fn maps(folder: &Path) -> bool {
    if !cfg!(target_os = "linux") {
        return folder.join("onnxruntime").is_dir();
    }
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let folder = folder.to_str().unwrap();
    maps.lines()
        .any(|line| line.contains(folder) && line.ends_with("/weights"))
}
