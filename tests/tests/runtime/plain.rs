//! Plain plugins: ordinary WIT functions over rows.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, UInt32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Float64Array, Int64Array, StringArray, StringViewArray,
    StructArray,
};
use arrow_schema::{DataType, Field};
use serde_json::json;
use wudf::{ErrorKind, Function, Output, Plugin, Runtime};
use wudf_fixtures::PLAIN;
use wudf_tests::host::builder;

fn open(name: &str) -> Function {
    let runtime: Runtime = builder().build().unwrap();
    let plugin = Plugin::from_bytes(&runtime, "plain", PLAIN.bytes).unwrap();
    plugin.open(name, &json!({})).unwrap()
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn evaluate(name: &str, arguments: &[ArrayRef]) -> Output {
    open(name).evaluate(&arguments.to_vec()).unwrap()
}

#[test]
fn the_signature_is_the_schema() {
    let runtime = builder().build().unwrap();
    let plugin = Plugin::from_bytes(&runtime, "plain", PLAIN.bytes).unwrap();
    let shown: Vec<String> = plugin
        .signatures()
        .iter()
        .map(ToString::to_string)
        .collect();
    for line in [
        "extract(image: binary) -> list<float32>",
        "add_one(x: int64) -> int64",
        "next_letter(letter: string) -> string",
        "length_of(text: string) -> uint32",
        "words(text: string) -> list<string>",
        "bytes(text: string) -> binary",
        "parse(text: string) -> int64",
        "answer() -> uint32",
    ] {
        assert!(shown.iter().any(|s| s == line), "{line} in {shown:#?}");
    }
    // What no column can be made of is left out, not half there.
    for name in ["flavoured", "allowed", "area", "nothing"] {
        assert!(!shown.iter().any(|s| s.starts_with(name)), "{name}");
    }
}

#[test]
fn bytes_become_numbers() {
    let images: ArrayRef = Arc::new(BinaryArray::from(vec![
        Some(&b"one"[..]),
        None,
        Some(b""),
        Some(b"one"),
        Some(b"two"),
    ]));
    let output = evaluate("extract", &[images]);
    let lists = output.values.as_list::<i32>();
    assert_eq!(lists.value(0).as_primitive::<Float32Type>().len(), 8);
    assert_eq!(&lists.value(0), &lists.value(3));
    assert_ne!(&lists.value(0), &lists.value(4));
    assert!(lists.is_null(1) && lists.is_null(2));
    let failures: Vec<_> = output
        .failures
        .iter()
        .map(|f| (f.row, f.message.as_str()))
        .collect();
    assert_eq!(failures, [(2, "the picture is empty")]);
}

#[test]
fn nulls_reach_only_those_who_take_them() {
    let words: ArrayRef = Arc::new(StringViewArray::from(vec![Some("abc"), None]));
    let shouted = evaluate("shout", &[Arc::clone(&words)]);
    assert_eq!(shouted.values.as_string::<i32>().value(0), "ABC");
    assert!(shouted.values.is_null(1) && shouted.failures.is_empty());
    let lengths = evaluate("length_of", &[words]);
    assert_eq!(lengths.values.as_primitive::<UInt32Type>().value(0), 3);
    assert!(lengths.values.is_null(1));
}

#[test]
fn nested_values_come_back() {
    let words = evaluate("words", &[text(&[Some("a bc"), Some(""), None])]);
    let lists = words.values.as_list::<i32>();
    let first = lists.value(0);
    assert_eq!(
        first
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect::<Vec<_>>(),
        ["a", "bc"]
    );
    assert!(lists.value(1).is_empty() && lists.is_null(2));

    let point = |name: &str, x: f64, y: Option<f64>| -> ArrayRef {
        let columns: Vec<(Arc<Field>, ArrayRef)> = vec![
            (
                Field::new("name", DataType::Utf8, false).into(),
                text(&[Some(name)]),
            ),
            (
                Field::new("x", DataType::Float64, false).into(),
                Arc::new(Float64Array::from(vec![x])),
            ),
            (
                Field::new("y", DataType::Float64, true).into(),
                Arc::new(Float64Array::from(vec![y])),
            ),
        ];
        Arc::new(StructArray::from(columns))
    };
    let middle = evaluate(
        "middle",
        &[point("a", 1.0, Some(2.0)), point("b", 3.0, None)],
    );
    let middle = middle.values.as_struct();
    assert_eq!(middle.column(0).as_string::<i32>().value(0), "a and b");
    assert_eq!(middle.column(1).as_primitive::<Float64Type>().value(0), 2.0);
    assert!(middle.column(2).is_null(0));
}

#[test]
fn rows_fail_alone() {
    let output = evaluate("parse", &[text(&[Some("1"), Some("x"), Some("3")])]);
    assert_eq!(output.values.as_primitive::<Int64Type>().value(2), 3);
    assert_eq!((output.failures.len(), output.failures[0].row), (1, 1));
    assert!(output.failures[0].message.contains("\"x\""), "{output:?}");

    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..40));
    let output = evaluate("panics", &[numbers]);
    assert_eq!((output.failures.len(), output.failures[0].row), (1, 13));
    assert_eq!(output.failures[0].kind, ErrorKind::Trap);
    assert!(
        output.failures[0].message.contains("row with 13 in it"),
        "{output:?}"
    );
    assert_eq!(output.values.null_count(), 1);
}

#[test]
fn letters_are_single() {
    let output = evaluate("next_letter", &[text(&[Some("a"), Some("ab"), Some("")])]);
    assert_eq!(output.values.as_string::<i32>().value(0), "b");
    assert_eq!(
        output.failures.iter().map(|f| f.row).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn there_are_no_options() {
    let runtime = builder().build().unwrap();
    let plugin = Plugin::from_bytes(&runtime, "plain", PLAIN.bytes).unwrap();
    let error = plugin.open("shout", &json!({ "loud": true })).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOptions);
    let rows = open("answer").evaluate_rows(3).unwrap();
    assert_eq!(
        rows.values.as_primitive::<UInt32Type>().values(),
        &[42, 42, 42]
    );
}
