use std::fs;
use std::time::Instant;

use wudf::CallOptions;
use wudf::nn::{ErrorKind, ModelSource, ModelSpec, Precision};
use wudf_test_support::skipped;

use super::*;
use crate::tests::graphs::{Net, SIZE};
use crate::tests::{difference, load, openvino, pictures};

fn find(library: impl Into<PathBuf>) -> Error {
    let found = OpenVino::find(&Options::library(library), Arc::default());
    found.expect_err("this is no OpenVINO")
}

fn backend() -> Option<Arc<dyn Backend>> {
    Some(openvino()? as Arc<dyn Backend>)
}

#[test]
fn versions() {
    for good in ["2025.1.0", "2025.1", "2026.4.1", "2031.0.0"] {
        assert_eq!(library::suitable(good), Ok(()), "{good}");
    }
    for old in ["2025.0.0", "2024.6.0", "2021.4"] {
        let why = library::suitable(old).unwrap_err();
        assert!(why.contains(old) && why.contains("2025.1"), "{why}");
    }
    for odd in ["", "2026", "x.y", "2026.x", "version 2026.4"] {
        let why = library::suitable(odd).unwrap_err();
        assert!(why.contains("cannot be read"), "{odd}: {why}");
    }
}

#[test]
fn a_library_that_does_not_exist() {
    let e = find("/nowhere/libopenvino_c.so");
    assert_eq!(e.kind(), ErrorKind::NotFound);
    assert!(e.to_string().contains("/nowhere/libopenvino_c.so"), "{e}");
    assert!(e.to_string().contains("pip install openvino"), "{e}");
}

#[test]
fn a_folder_without_the_library() {
    let folder = tempfile::tempdir().unwrap();
    // Not the one of the C interface.
    fs::write(folder.path().join("libopenvino.so.2641"), "").unwrap();
    let e = find(folder.path());
    assert_eq!(e.kind(), ErrorKind::NotFound);
    assert!(e.to_string().contains("no OpenVINO"), "{e}");
}

#[test]
#[cfg(target_os = "linux")]
fn names_of_the_library() {
    for good in ["libopenvino_c.so", "libopenvino_c.so.2641"] {
        assert!(library::WANTED.is_library(good), "{good}");
    }
    for bad in ["libopenvino.so.2641", "libopenvino_c_x.so", "openvino_c.so"] {
        assert!(!library::WANTED.is_library(bad), "{bad}");
    }
}

/// Where the library is loaded already, another file is refused before it is
/// looked into.
#[test]
#[cfg(target_os = "linux")]
fn files_that_are_no_openvino() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("libopenvino_c.so");
    fs::write(&text, "not a library").unwrap();
    let e = find(&text);
    let kinds = [ErrorKind::NotFound, ErrorKind::Unsupported];
    assert!(kinds.contains(&e.kind()), "{e}");
    assert!(e.to_string().contains("libopenvino_c.so"), "{e}");
}

#[test]
fn messages_are_one_line_without_source_files() {
    let long = "x".repeat(1000);
    for (message, wanted) in [
        ("plain", "plain".to_owned()),
        (
            "Exception from src/inference/src/cpp/core.cpp:84:\nCheck 'false' failed at src/a.cpp:47:\nLoading input model\nno such operator.\n\n",
            "Loading input model: no such operator".to_owned(),
        ),
        (
            "Exception from a.cpp:1:\n",
            "Exception from a.cpp:1:".to_owned(),
        ),
        ("tab\tand bell\u{7}", "tab and bell".to_owned()),
        (
            &long,
            format!("{}...", "x".repeat(400))
                .trim_end_matches('.')
                .to_owned(),
        ),
    ] {
        assert_eq!(api::tidy(message), wanted);
    }
}

/// Brain floats have eight bits of mantissa: close, but not the same.
#[test]
fn bf16_is_close() {
    let Some(found) = openvino() else { return };
    if !found.precisions().unwrap().contains(&"bf16") {
        skipped("the processor has no bf16: OpenVINO in bf16 is not tested");
        return;
    }
    let backend = found as Arc<dyn Backend>;
    let picture = pictures(1, 224, 1);
    for name in ["tiny", "resnet50"] {
        let spec = ModelSpec::new(name, format!("seeded:{name}"));
        let run = |spec: &ModelSpec| {
            let model = load(&backend, spec, &["features"]).unwrap();
            assert_eq!(model.outputs()[0].ty, wudf::nn::TensorType::F32);
            model
                .run(&[("input", &picture)], &CallOptions::default())
                .unwrap()
                .remove(0)
        };
        let exact = run(&spec.clone().precision(Precision::F32));
        assert_eq!(run(&spec), exact, "f32 is what one gets");
        let difference = difference(&run(&spec.precision(Precision::Bf16)), &exact);
        assert!((1e-6..0.05).contains(&difference), "{name}: {difference}");
    }
}

#[test]
fn inputs_are_all_there_once() {
    let Some(backend) = backend() else { return };
    let spec = ModelSpec::new("tiny", "seeded:tiny");
    let model = load(&backend, &spec, &[]).unwrap();
    let picture = pictures(1, 224, 0);
    for (inputs, wanted) in [
        (vec![], "is missing"),
        (vec![("input", &picture), ("input", &picture)], "twice"),
        (vec![("x", &picture)], "no input `x`"),
    ] {
        let e = model.run(&inputs, &CallOptions::default()).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::InvalidArgument);
        assert!(e.to_string().contains(wanted), "{e}");
    }
    let e = model.run(&[("input", &pictures(1, 223, 0))], &CallOptions::default());
    let e = e.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    assert!(
        e.to_string().contains("223") && e.to_string().contains("224"),
        "{e}"
    );
}

/// Other numbers of rows are other shapes, with what is kept for earlier ones.
#[test]
fn rows_come_in_any_number() {
    let Some(backend) = backend() else { return };
    let mut spec = ModelSpec::new("m", "");
    spec.source = ModelSource::Bytes(Net::torchscript().file().into());
    let model = load(&backend, &spec, &["features"]).unwrap();
    assert_eq!(model.outputs()[0].dims, Some(vec![None, Some(4)]));
    for rows in [1, 7, 2, 0, 1] {
        let outputs = model.run(
            &[("input.1", &pictures(rows, SIZE, rows))],
            &CallOptions::default(),
        );
        assert_eq!(outputs.unwrap()[0].dims(), [rows, 4]);
    }
}

/// A forked process has the memory of the library, but none of its threads: it
/// is told so, and does not wait.
#[test]
#[cfg(unix)]
fn forks() {
    let Some(backend) = backend() else { return };
    assert!(!backend.forks());
    let spec = ModelSpec::new("tiny", "seeded:tiny");
    let model = load(&backend, &spec, &[]).unwrap();
    let picture = pictures(1, 224, 0);
    model
        .run(&[("input", &picture)], &CallOptions::default())
        .unwrap();
    let mut model = Some(model);
    let told = || {
        // Only the child's copy goes.
        let Some(model) = model.take() else {
            return false;
        };
        let refused = |e: Option<Error>| {
            e.is_some_and(|e| {
                e.kind() == ErrorKind::Unsupported && e.to_string().contains("forked")
            })
        };
        let run = model.run(
            &[("input", &picture)],
            &CallOptions::new().deadline(Instant::now()),
        );
        let good = refused(run.err()) && refused(load(&backend, &spec, &[]).err());
        drop(model);
        good
    };
    // SAFETY: the child uses what it has inherited.
    assert!(unsafe { wudf_test_support::holds_in_a_fork(told) });
    let model = model.unwrap();
    model
        .run(&[("input", &picture)], &CallOptions::default())
        .unwrap();
}
