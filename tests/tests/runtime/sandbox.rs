//! What a plugin is given of the world.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, StringArray};
use wudf::{ErrorKind, Runtime};
use wudf_tests::host::{builder, ints, kit, open, small, to_ints};

fn runtime() -> Runtime {
    builder().limits(small()).threads(1).build().unwrap()
}

fn texts<const N: usize>(texts: [&str; N]) -> [ArrayRef; 1] {
    [Arc::new(StringArray::from_iter_values(texts))]
}

#[test]
fn assets_are_granted_by_name() {
    let granted = builder()
        .limits(small())
        .threads(1)
        .asset("words", "replaced")
        .asset("words", "one\ntwo\nthrée")
        .asset("other", vec![0xff])
        .build()
        .unwrap();
    let words = open(&granted, "asset_word");
    assert_eq!(words.signature().assets, ["words"]);
    let values = words.call(&[ints([2, 0, 3, -1])]).unwrap();
    let values: Vec<_> = values.as_string::<i32>().iter().collect();
    assert_eq!(values, [Some("thrée"), Some("one"), None, None]);

    let error = kit(&runtime())
        .open("asset_word", &serde_json::json!({}))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Asset, "{error}");
    assert!(error.to_string().contains("`words`"), "{error}");
}

#[test]
fn nothing_is_found() {
    let file = std::env::current_exe().unwrap();
    let looks = open(&runtime(), "looks_around");
    let values = looks.call(&texts([file.to_str().unwrap()])).unwrap();
    let found = values.as_string::<i32>().value(0);
    assert!(!found.contains("FOUND"), "{found}");
    assert_eq!(found.matches("refused: ").count(), 6, "{found}");
    assert!(found.contains("environment: []"), "{found}");
    assert!(found.contains("arguments: []"), "{found}");
    assert!(!std::path::Path::new("wudf-was-here").exists());
}

#[test]
fn time_and_chance_are_the_same_each_time() {
    let said = || {
        let output = open(&runtime(), "random_and_time")
            .evaluate_rows(3)
            .unwrap();
        let texts = output.values.as_string::<i32>();
        texts
            .iter()
            .map(|t| t.unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = said();
    assert!(
        first[0].starts_with("system=0 monotonic=0 random="),
        "{first:?}"
    );
    assert_eq!(first, said());
}

#[test]
fn printing_is_allowed() {
    let prints = open(&runtime(), "prints");
    let long = "x".repeat(100_000);
    let values = prints.call(&texts(["a", "\u{1b}[2J", &long])).unwrap();
    assert_eq!(values.as_boolean().true_count(), 3);
}

#[test]
fn sleep_takes_no_time() {
    let values = open(&runtime(), "sleeps").call(&[ints([1, 2])]).unwrap();
    assert_eq!(to_ints(&values), [1, 2]);
}
