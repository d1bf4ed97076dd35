//! Push, pull, run, list and remove.

use std::fs;

use serde_json::Value;
use wudf_fixtures::KIT;

use super::{ADDED, Place};

#[test]
fn a_plugin_is_published_once_and_runs_by_tag_and_digest() {
    let Some(place) = Place::with_registry() else {
        return;
    };
    let reference = place.reference("kit:1.0");
    let pinned = place.push("kit:1.0");
    assert!(
        pinned.starts_with(&format!("{}@sha256:", place.reference("kit"))),
        "{pinned}"
    );
    assert_eq!(place.add_one(&reference, &[]).ends_with(0).text(), ADDED);
    assert_eq!(place.add_one(&pinned, &[]).ends_with(0).text(), ADDED);
    place.check_store();

    assert_eq!(place.text(&["pull", &reference, "-o", "copy.wasm"]), pinned);
    assert_eq!(fs::read(place.file("copy.wasm")).unwrap(), KIT.bytes);

    let listed: Value = serde_json::from_str(&place.text(&["list", "--json"])).unwrap();
    assert_eq!(listed[0]["kind"], "plugin");
    assert_eq!(listed[0]["reference"], reference);
    assert_eq!(listed[0]["size"], KIT.bytes.len());
    assert!(pinned.ends_with(listed[0]["digest"].as_str().unwrap()));
    assert!(place.text(&["list"]).contains(&reference));

    let inspected: Value =
        serde_json::from_str(&place.text(&["inspect", &reference, "--json"])).unwrap();
    assert_eq!(inspected["name"], "kit");
    assert_eq!(inspected["origin"]["reference"], pinned);

    place.run(&["remove", &reference]).ends_with(0);
    assert_eq!(place.text(&["list", "--json"]), "[]");
    let gone = place.add_one(&reference, &["--offline"]).ends_with(3);
    assert!(gone.stderr.contains("store"), "{}", gone.stderr);
}

#[test]
fn the_store_is_all_there_is_offline() {
    let Some(mut place) = Place::with_registry() else {
        return;
    };
    let reference = place.reference("kit:1.0");
    place.push("kit:1.0");
    place.add_one(&reference, &[]).ends_with(0);
    place.stop_registry();
    let down = place.add_one(&reference, &[]).ends_with(3);
    assert!(down.stderr.contains("--offline"), "{}", down.stderr);
    let still = place.add_one(&reference, &["--offline"]).ends_with(0);
    assert_eq!(still.text(), ADDED);
}

#[test]
fn a_plugin_brings_its_model() {
    let Some(place) = Place::with_registry() else {
        return;
    };
    place
        .run(&["model", "seed", "tiny", "-o", "tiny.onnx"])
        .ends_with(0);
    let model = place.reference("tiny:1");
    let pinned = place.text(&["push", "tiny.onnx", &model]);
    let plugin = place.reference("features:1");
    fs::write(place.file("picture.jpg"), wudf_tests::pictures::small(1)).unwrap();
    fs::write(
        place.file("image-features.wasm"),
        wudf_artifacts::IMAGE_FEATURES.bytes,
    )
    .unwrap();
    let tie = format!("resnet50={model}");
    place
        .run(&["push", "image-features.wasm", &plugin, "--model", &tie])
        .ends_with(0);
    let function = format!("{plugin}:image_features");
    let run = |more: &[&str]| {
        let words = ["run", &function, "picture.jpg", "-o", "-", "--quiet"];
        let format = ["--output-format", "ndjson"];
        let words: Vec<&str> = words.iter().chain(&format).chain(more).copied().collect();
        place.run(&words)
    };
    let own = run(&[]).ends_with(0);
    let named = run(&["--model", &format!("resnet50={pinned}")]).ends_with(0);
    let file = run(&["--model", "resnet50=tiny.onnx"]).ends_with(0);
    let vector = |text: &str| -> Value {
        let row: Value = serde_json::from_str(text).unwrap();
        row["image_features"].clone()
    };
    assert!(
        vector(own.text()).as_array().is_some_and(|v| !v.is_empty()),
        "{}",
        own.text()
    );
    assert_eq!(vector(own.text()), vector(file.text()));
    assert_eq!(vector(named.text()), vector(file.text()));

    place
        .run(&["pull", &model, "-o", "again.onnx"])
        .ends_with(0);
    assert_eq!(
        fs::read(place.file("again.onnx")).unwrap(),
        fs::read(place.file("tiny.onnx")).unwrap()
    );
    // Each is told from the other.
    let wrong = place.run(&["run", &model, "a.csv"]).ends_with(3);
    assert!(wrong.stderr.contains("model"), "{}", wrong.stderr);
    let wrong = run(&["--model", &format!("resnet50={plugin}")]).ends_with(3);
    assert!(wrong.stderr.contains("plugin"), "{}", wrong.stderr);
}

#[test]
fn what_cannot_travel_says_why() {
    let Some(place) = Place::with_registry() else {
        return;
    };
    fs::write(place.file("text"), "no model").unwrap();
    fs::write(place.file("module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let reference = place.reference("kit:1.0");
    for (words, said) in [
        (
            &["push", "text", &reference][..],
            "neither a plugin nor a model",
        ),
        (&["push", "module.wasm", &reference], "component"),
        (&["push", "gone.wasm", &reference], "gone.wasm"),
        (&["push", "kit.wasm", "kit:1.0"], "names no registry"),
        (
            &["push", "text", &reference, "--model", "a=b"],
            "--model is for plugins",
        ),
        (&["pull", &reference], "team/kit"),
        (&["run", &reference, "a.csv"], "team/kit"),
        (&["remove", &reference], "team/kit"),
    ] {
        let ran = place.run(words).ends_with(3);
        assert!(ran.stderr.contains(said), "{words:?}: {}", ran.stderr);
        assert_eq!(ran.text(), "", "{words:?}");
    }
}

#[test]
fn an_upload_is_reported_as_one() {
    let Some(place) = Place::with_registry() else {
        return;
    };
    let reference = place.reference("kit:1.0");
    let said = place
        .run(&["push", "kit.wasm", &reference])
        .ends_with(0)
        .stderr;
    assert!(said.contains("uploading kit.wasm"), "{said}");
    assert!(!said.contains("downloading"), "{said}");
}
