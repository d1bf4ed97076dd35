//! What a plugin is given of the world.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, StringArray};
use wudf::{ErrorKind, Plugin, Session};
use wudf_tests::host::{builder, ints, kit, open, small, to_ints};

fn session() -> Session {
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

    let error = kit(&session())
        .open("asset_word", &serde_json::json!({}))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Asset, "{error}");
    assert!(error.to_string().contains("`words`"), "{error}");
}

#[test]
fn nothing_is_found() {
    let file = std::env::current_exe().unwrap();
    let looks = open(&session(), "looks_around");
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
        let output = open(&session(), "random_and_time")
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
    let prints = open(&session(), "prints");
    let long = "x".repeat(100_000);
    let values = prints.call(&texts(["a", "\u{1b}[2J", &long])).unwrap();
    assert_eq!(values.as_boolean().true_count(), 3);
}

#[test]
fn sleep_takes_no_time() {
    let values = open(&session(), "sleeps").call(&[ints([1, 2])]).unwrap();
    assert_eq!(to_ints(&values), [1, 2]);
}

/// `swap` gives back what all its pages hold, and leaves the argument in them: 42
/// in one of them, and nothing in the others, when the instance is new. `fill`
/// does the same with its table: it says how many elements were something, one
/// when the instance is new.
const REMEMBERS: &str = r#"(component
  (core module $pages
    (memory (export "memory") 16)
    (data (i32.const 12288) "\2a")
    (func (export "swap") (param $new i64) (result i64) (local $at i32) (local $old i64)
      (loop $next
        (local.set $old (i64.or (local.get $old) (i64.load (local.get $at))))
        (i64.store (local.get $at) (local.get $new))
        (br_if $next (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 4096)))
          (i32.const 1048576))))
      (local.get $old))
    (table $table 6000 funcref)
    (elem (i32.const 5) func $fill)
    (func $fill (export "fill") (param $new i64) (result i64) (local $at i32) (local $old i64)
      (loop $next
        (local.set $old (i64.add (local.get $old)
          (i64.extend_i32_u (i32.eqz (ref.is_null (table.get $table (local.get $at)))))))
        (table.set $table (local.get $at) (ref.func $fill))
        (br_if $next (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 1)))
          (i32.const 6000))))
      (local.get $old)))
  (core instance $instance (instantiate $pages))
  (func (export "fill") (param "x" s64) (result s64) (canon lift (core func $instance "fill")))
  (func (export "swap") (param "x" s64) (result s64) (canon lift (core func $instance "swap"))))"#;

/// Instances take over their predecessors' pages and tables, but nothing in them,
/// whichever plugin they belong to.
#[test]
fn a_new_instance_remembers_nothing() {
    let session = session();
    let bytes = wat::parse_str(REMEMBERS).unwrap();
    // The same plugin twice: the second one has an image of its own.
    let plugins = ["one", "other"].map(|name| Plugin::from_bytes(&session, name, &bytes).unwrap());
    for turn in 0..10 {
        let open = |name| plugins[turn / 2 % 2].open(name, &serde_json::Value::Null);
        let swap = open("swap").unwrap();
        let secret = 1 << 40;
        let values = swap.call(&[ints([secret, secret])]).unwrap();
        assert_eq!(to_ints(&values), [42, secret], "turn {turn}");
        let values = open("fill").unwrap().call(&[ints([0, 0])]).unwrap();
        assert_eq!(to_ints(&values), [1, 6_000], "turn {turn}");
    }
}
