//! Plain plugins: ordinary WIT functions over rows.

use std::sync::Arc;

use arrow_array::builder::{Int16Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int64Array,
    StringArray, StringViewArray, StructArray, UInt32Array, UInt64Array,
};
use arrow_schema::{DataType, Field};
use serde_json::json;
use wudf::nn::ModelSpec;
use wudf::{Argument, ErrorKind, Function, Output, Plugin, Session};
use wudf_fixtures::PLAIN;
use wudf_tests::host::builder;
use wudf_tests::mock::Mock;

fn open(name: &str) -> Function {
    let session: Session = builder().build().unwrap();
    let plugin = Plugin::from_bytes(&session, "plain", PLAIN.bytes).unwrap();
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
    let session = builder().build().unwrap();
    let plugin = Plugin::from_bytes(&session, "plain", PLAIN.bytes).unwrap();
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
        "flavoured(x: string) -> string",
        "allowed(x: list<string>) -> list<string>",
        "same_shape(x: struct<tag: string, circle: float64, square: float64>) -> struct<tag: string, circle: float64, square: float64>",
        "lines(data: binary) -> list<string>",
        "page(html: string) -> struct<title: string, words: uint32, links: list<string>>",
        "scale(x: float64) -> float64",
        "matches(text: string) -> bool",
    ] {
        assert!(shown.iter().any(|s| s == line), "{line} in {shown:#?}");
    }
    // What no column can be made of is left out, and said to be.
    let skipped: Vec<_> = plugin
        .skipped()
        .iter()
        .map(|skipped| (skipped.export.as_str(), skipped.reason.as_str()))
        .collect();
    assert_eq!(
        skipped,
        [
            ("nothing", "it returns nothing"),
            ("nested", "argument `x`: an option of an option"),
            (
                "test:plain/orphans#[method]orphan.touch",
                "nothing makes its resource `orphan`: it has neither a constructor nor a static function that returns one",
            ),
        ]
    );
    for name in ["nested", "nothing", "touch"] {
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
fn functions_outside_of_resources_take_no_options() {
    let session = builder().build().unwrap();
    let plugin = Plugin::from_bytes(&session, "plain", PLAIN.bytes).unwrap();
    let error = plugin.open("shout", &json!({ "loud": true })).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOptions);
    assert!(
        error.to_string().contains("unknown option `loud`"),
        "{error}"
    );
    let rows = open("answer").evaluate_rows(3).unwrap();
    assert_eq!(
        rows.values.as_primitive::<UInt32Type>().values(),
        &[42, 42, 42]
    );
}

#[test]
fn a_resource_is_a_function_with_options() {
    let session = builder().build().unwrap();
    let plugin = Plugin::from_bytes(&session, "plain", PLAIN.bytes).unwrap();
    let find = |name: &str| {
        let mut all = plugin.signatures().iter();
        all.find(|s| s.name == name).unwrap().options.clone()
    };
    assert_eq!(
        find("scale"),
        json!({
            "type": "object",
            "properties": {
                "factor": { "type": "number" },
                "mode": { "type": "string", "enum": ["up", "down", "none"] },
                "label": { "type": "string" },
                "names": { "type": "array", "items": { "type": "string" } },
            },
            "required": ["factor", "mode", "names"],
            "additionalProperties": false,
        })
    );
    assert_eq!(find("scale"), find("describe"));
    assert_eq!(
        find("matches")["properties"]["at_least"],
        json!({ "type": "integer", "minimum": 0, "maximum": 255 })
    );

    let options = json!({ "factor": 2.5, "mode": "up", "names": ["a", "b"] });
    let scale = plugin.open("scale", &options).unwrap();
    let values = scale
        .call(&[arc(Float64Array::from(vec![Some(1.0), None, Some(3.1)]))])
        .unwrap();
    assert_eq!(values.as_primitive::<Float64Type>().value(0), 3.0);
    assert!(values.is_null(1));
    assert_eq!(values.as_primitive::<Float64Type>().value(2), 8.0);
    let described = plugin
        .open("describe", &options)
        .unwrap()
        .evaluate_rows(1)
        .unwrap();
    assert_eq!(
        described.values.as_string::<i32>().value(0),
        r#"2.5 None ["a", "b"]"#
    );

    // Made by a static function, whose error is that of opening it.
    let matches = plugin.open("matches", &json!({ "prefix": "ab" })).unwrap();
    let values = matches.call(&[text(&[Some("abc"), Some("b")])]).unwrap();
    assert_eq!(values.as_boolean().true_count(), 1);
    for (options, said) in [
        (
            json!({ "prefix": "ab", "at_least": 3 }),
            "the prefix \"ab\" is too short",
        ),
        (
            json!({ "prefix": "ab", "at_least": 256 }),
            "option `at_least`: 256 is not an integer from 0 to 255",
        ),
        (json!({ "prefix": 1 }), "option `prefix`: 1 is not a string"),
        (json!({}), "missing required option `prefix`"),
        (
            json!({ "prefix": "ab", "more": 1 }),
            "unknown option `more`; there is: prefix, at_least",
        ),
    ] {
        let error = plugin.open("matches", &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidOptions, "{error}");
        assert!(error.to_string().ends_with(said), "{error}");
    }
    let error = plugin.open(
        "scale",
        &json!({ "factor": 1, "mode": "sideways", "names": [] }),
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.ends_with("option `mode`: \"sideways\" is not one of: up, down, none"),
        "{error}"
    );
}

fn arc(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

/// Rows, and the messages of those that failed.
fn said(output: &Output) -> Vec<(usize, &str)> {
    let failures = output.failures.iter();
    failures.map(|f| (f.row, f.message.as_str())).collect()
}

#[test]
fn enums_flags_and_variants_are_columns() {
    let output = evaluate(
        "flavoured",
        &[text(&[Some("vanilla"), Some("basil"), None])],
    );
    assert_eq!(output.values.as_string::<i32>().value(0), "vanilla");
    assert_eq!(
        said(&output),
        [(1, "argument `x`: `basil` is not one of: vanilla, chocolate")]
    );

    let mut flags = ListBuilder::new(StringBuilder::new());
    for set in [&["write", "read"][..], &[], &["fly"]] {
        flags.append_value(set.iter().copied().map(Some));
    }
    let output = evaluate("allowed", &[arc(flags.finish())]);
    let lists = output.values.as_list::<i32>();
    let first: Vec<_> = lists
        .value(0)
        .as_string::<i32>()
        .iter()
        .flatten()
        .map(str::to_owned)
        .collect();
    assert_eq!(first, ["read", "write"], "in the order of the type");
    assert!(lists.value(1).is_empty() && lists.is_null(2));
    assert_eq!(
        said(&output),
        [(2, "argument `x`: `fly` is not one of: read, write")]
    );

    let shapes = |tags: Vec<Option<&str>>| {
        let len = tags.len();
        let number = |name: &str, values: Vec<Option<f64>>| -> (Arc<Field>, ArrayRef) {
            (
                Field::new(name, DataType::Float64, true).into(),
                arc(Float64Array::from(values)),
            )
        };
        let mut radius = vec![Some(2.0); len];
        radius[len - 1] = None;
        arc(StructArray::from(vec![
            (
                Arc::new(Field::new("tag", DataType::Utf8, true)),
                arc(StringArray::from(tags)),
            ),
            number("circle", radius),
            number("square", vec![Some(3.0); len]),
        ]))
    };
    let tags = vec![
        Some("circle"),
        Some("square"),
        Some("nothing"),
        None,
        Some("circle"),
    ];
    let output = evaluate("area", &[shapes(tags.clone())]);
    let areas = output.values.as_primitive::<Float64Type>();
    assert_eq!(areas.value(0), 4.0 * std::f64::consts::PI);
    assert_eq!((areas.value(1), areas.value(2)), (9.0, 0.0));
    assert_eq!(
        said(&output),
        [
            (3, "argument `x`: a variant without a `tag`"),
            (
                4,
                "argument `x`: a null inside the value, where the function takes none"
            ),
        ]
    );
    let output = evaluate("same_shape", &[shapes(tags)]);
    let same = output.values.as_struct();
    assert_eq!(same.column(0).as_string::<i32>().value(1), "square");
    assert!(same.column(1).is_null(1) && same.column(2).is_valid(1));
    assert!(same.column(1).is_null(2) && same.column(2).is_null(2));
    assert!(same.is_null(3) && same.column(0).is_null(3));

    let mut flavours = ListBuilder::new(StringBuilder::new());
    flavours.append_value([Some("chocolate"), Some("vanilla")]);
    let output = evaluate("stocks", &[arc(flavours.finish())]);
    let item = output.values.as_list::<i32>().value(0);
    let item = item.as_struct();
    assert_eq!(item.column(0).as_string::<i32>().value(0), "chocolate");
    assert!(!item.column(1).as_boolean().value(0) && item.column(1).as_boolean().value(1));
}

#[test]
fn errors_of_any_type_are_messages() {
    let long = "x".repeat(100);
    let bytes = |values: &[&[u8]]| arc(BinaryArray::from_iter_values(values));
    let output = evaluate("decode", &[bytes(&[b"", b"ok", long.as_bytes()])]);
    assert_eq!(said(&output), [(0, "empty"), (2, "too-long(100)")]);
    assert_eq!(output.failures[0].code, "invalid-input");
    let output = evaluate("lines", &[bytes(&[b"a\nb", b"a\xff"])]);
    assert_eq!(said(&output), [(1, "not UTF-8")]);
    assert_eq!(output.failures[0].code, "unsupported");
    let output = evaluate("page", &[text(&[Some("no title")])]);
    assert_eq!(said(&output), [(0, "chocolate")]);
    let output = evaluate("must", &[text(&[Some("x")])]);
    assert_eq!(
        said(&output),
        [(0, "the function returned an error without a message")]
    );
}

/// Bytes and strings, alone and with a second argument, to everything.
#[test]
fn bytes_and_strings_become_everything() {
    let bytes = |values: &[Option<&[u8]>]| arc(BinaryArray::from(values.to_vec()));
    let data = bytes(&[Some(b"abc"), None, Some(b""), Some(b"\x89PNG")]);
    let call = |name: &str, arguments: &[ArrayRef]| open(name).call(&arguments.to_vec()).unwrap();

    let sizes = call("size", &[Arc::clone(&data)]);
    let sizes: Vec<_> = sizes.as_primitive::<UInt64Type>().iter().collect();
    assert_eq!(sizes, [Some(3), None, Some(0), Some(4)]);
    let reversed = call("reverse", &[Arc::clone(&data)]);
    let reversed: Vec<_> = reversed.as_binary::<i32>().iter().collect();
    assert_eq!(
        reversed,
        [Some(&b"cba"[..]), None, Some(b""), Some(b"GNP\x89")]
    );
    assert_eq!(
        call("is_png", &[Arc::clone(&data)])
            .as_boolean()
            .true_count(),
        1
    );
    let counts = call("histogram", &[Arc::clone(&data)]);
    assert_eq!(
        counts
            .as_list::<i32>()
            .value(0)
            .as_primitive::<UInt32Type>()
            .value(97),
        1
    );
    let lines = call("lines", &[bytes(&[Some(b"one\ntwo")])]);
    assert_eq!(
        lines.as_list::<i32>().value(0).as_string::<i32>().value(1),
        "two"
    );

    let numbers = |n: &[u32]| arc(UInt32Array::from(n.to_vec()));
    let head = call("head", &[Arc::clone(&data), numbers(&[2, 2, 2, 2])]);
    let head: Vec<_> = head.as_binary::<i32>().iter().collect();
    assert_eq!(head, [Some(&b"ab"[..]), None, None, Some(b"\x89P")]);
    let both = call("concat", &[Arc::clone(&data), Arc::clone(&data)]);
    assert_eq!(both.as_binary::<i32>().value(0), b"abcabc");
    let keys = text(&[Some(" "), Some("k"), Some("k"), Some("")]);
    let sealed = evaluate("seal", &[Arc::clone(&data), keys]);
    assert_eq!(sealed.values.as_binary::<i32>().value(0), b"ABC");
    assert_eq!(sealed.failures.len(), 1);

    let words = text(&[Some("na na"), Some("")]);
    let counts = call(
        "count",
        &[Arc::clone(&words), text(&[Some("na"), Some("na")])],
    );
    assert_eq!(counts.as_primitive::<UInt32Type>().values(), &[2, 0]);
    let repeated = call("repeat", &[Arc::clone(&words), numbers(&[2, 3])]);
    assert_eq!(repeated.as_string::<i32>().value(0), "na nana na");
    let scores = call(
        "scores",
        &[Arc::clone(&words), arc(Float32Array::from(vec![0.5, 1.0]))],
    );
    assert_eq!(
        scores
            .as_list::<i32>()
            .value(0)
            .as_primitive::<Float64Type>()
            .value(0),
        55.0
    );
    let kept = call("keep", &[words, arc(BooleanArray::from(vec![true, false]))]);
    assert_eq!(
        kept.as_string::<i32>().iter().collect::<Vec<_>>(),
        [Some("na na"), None]
    );
    let page = call("page", &[text(&[Some("T|a http://b"), None])]);
    let page = page.as_struct();
    assert_eq!(page.column(0).as_string::<i32>().value(0), "T");
    assert_eq!(
        page.column(2)
            .as_list::<i32>()
            .value(0)
            .as_string::<i32>()
            .value(0),
        "http://b"
    );
    assert!(page.is_null(1) && page.columns().iter().all(|column| column.is_null(1)));
    let bools = call("bools", &[numbers(&[4])]);
    assert_eq!(bools.as_list::<i32>().value(0).as_boolean().true_count(), 2);
}

#[test]
fn many_arguments_go_through_memory() {
    let mut list = ListBuilder::new(Int16Builder::new());
    list.append_value([Some(-1), Some(2)]);
    let mut arguments: Vec<ArrayRef> = ["a", "b", "c", "d", "e", "f"]
        .map(|t| text(&[Some(t)]))
        .to_vec();
    arguments.push(arc(UInt64Array::from(vec![Some(u64::MAX)])));
    arguments.push(arc(list.finish()));
    arguments.push(arc(Float32Array::from(vec![0.5])));
    let output = evaluate("many", &arguments);
    assert_eq!(
        output.values.as_string::<i32>().value(0),
        "abcdef Some(18446744073709551615) [-1, 2] 0.5"
    );
}

/// Results may be as large as [`Limits::output`](wudf::Limits) says, bytes among them.
#[test]
fn large_results_come_back() {
    let sizes = arc(UInt64Array::from(vec![9_000_000, 60_000_000, 5]));
    let output = evaluate("blob", &[sizes]);
    assert!(output.failures.is_empty(), "{:?}", output.failures);
    let blobs = output.values.as_binary::<i32>();
    assert_eq!(
        [0, 1, 2].map(|row| blobs.value(row).len()),
        [9_000_000, 60_000_000, 5]
    );
}

/// The rows before one that crashes are kept: they are not computed again.
#[test]
fn rows_before_a_crash_are_kept() {
    let panics = open("panics");
    let rows: ArrayRef = Arc::new(Int64Array::from_iter_values((0..5_000).map(|i| i % 1_000)));
    let output = panics.evaluate(&[rows]).unwrap();
    let failed: Vec<_> = output.failures.iter().map(|f| f.row).collect();
    assert_eq!(failed, [13, 1_013, 2_013, 3_013, 4_013]);
    let values = output.values.as_primitive::<Int64Type>();
    assert_eq!((values.value(12), values.value(4_999)), (12, 999));
    // One call for each crash, and those that cut a batch into chunks.
    assert!(panics.stats().calls < 50, "{:?}", panics.stats());
}

/// Two interfaces whose functions would have one name are an error, which names both.
#[test]
fn names_that_clash_are_reported() {
    let bytes = wat::parse_str(
        r#"(component
          (core module $m (func (export "f") (param $x i64) (result i64) (local.get $x)))
          (core instance $i (instantiate $m))
          (func $f (param "x" s64) (result s64) (canon lift (core func $i "f")))
          (instance $one (export "to-it" (func $f)))
          (instance $two (export "to-it" (func $f)))
          (export "acme:one/api" (instance $one))
          (export "acme:two/api@1.0.0" (instance $two)))"#,
    )
    .unwrap();
    let error = Plugin::from_bytes(&builder().build().unwrap(), "it", &bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPlugin);
    let error = error.to_string();
    assert!(
        error.contains("two exports become the function `to_it`: acme:one/api#to-it and acme:two/api@1.0.0#to-it"),
        "{error}"
    );
}

/// Chunks are joined whatever the type: every row is where it was, on one thread and on two.
#[test]
fn chunks_of_nested_values_are_joined() {
    let rows = 30_000;
    let html: Vec<Option<String>> = (0..rows)
        .map(|i| match i % 7 {
            0 => None,
            1 => Some(format!("no title {i}")),
            _ => Some(format!("t{i}|{} http://{i}", "w ".repeat(i % 5))),
        })
        .collect();
    let html: ArrayRef = arc(StringArray::from(html));
    for threads in [1, 2] {
        let session = builder().threads(threads).build().unwrap();
        let plugin = Plugin::from_bytes(&session, "plain", PLAIN.bytes).unwrap();
        let page = plugin.open("page", &json!({})).unwrap();
        let output = page.evaluate(&[Arc::clone(&html)]).unwrap();
        assert!(page.stats().calls > 1, "one chunk has nothing to join");
        let failed: Vec<_> = output.failures.iter().map(|f| f.row).collect();
        let wanted: Vec<_> = (0..rows).filter(|i| i % 7 == 1).collect();
        assert_eq!(failed, wanted);
        let pages = output.values.as_struct();
        let titles = pages.column(0).as_string::<i32>();
        let words = pages.column(1).as_primitive::<UInt32Type>();
        let links = pages.column(2).as_list::<i32>();
        for i in 0..rows {
            assert_eq!(pages.is_null(i), i % 7 < 2, "row {i}");
            if pages.is_valid(i) {
                assert_eq!(titles.value(i), format!("t{i}"));
                assert_eq!(words.value(i) as usize, i % 5 + 1);
                let links = links.value(i);
                assert_eq!(links.as_string::<i32>().value(0), format!("http://{i}"));
            }
        }

        let flags: Vec<Option<bool>> = (0..rows)
            .map(|i| (i % 3 != 0).then_some(i % 2 == 0))
            .collect();
        let negate = plugin.open("negate", &json!({})).unwrap();
        let values = negate
            .call(&[arc(BooleanArray::from(flags.clone()))])
            .unwrap();
        let negated: Vec<_> = values.as_boolean().iter().collect();
        let wanted: Vec<_> = flags.iter().map(|flag| flag.map(|flag| !flag)).collect();
        assert_eq!(negated, wanted);
    }
}

/// What the host grants is there for plain plugins, too.
const GRANTED: &str = r#"(component
  (import "wudf:plugin/types@0.2.0" (instance $types
    (type $properties0 (list (tuple string string)))
    (export "properties" (type $properties (eq $properties0)))
    (type $problem0 (record (field "code" string) (field "message" string) (field "properties" $properties)))
    (export "problem" (type $problem (eq $problem0)))))
  (alias export $types "problem" (type $problem))
  (import "wudf:plugin/assets@0.2.0" (instance $assets
    (alias outer 1 $problem (type $problem0))
    (export "problem" (type $problem (eq $problem0)))
    (export "size" (func (param "name" string) (result (result u64 (error $problem)))))))
  (import "wasi:nn/errors@0.2.0-rc-2024-10-28" (instance $errors
    (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:nn/graph@0.2.0-rc-2024-10-28" (instance $graphs
    (export "graph" (type $graph (sub resource)))
    (alias outer 1 $error (type $error0))
    (export "error" (type $error (eq $error0)))
    (export "load-by-name" (func (param "name" string) (result (result (own $graph) (error (own $error))))))))
  (core module $memory
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 3)))))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $size (canon lower (func $assets "size") (memory $mem) (realloc $realloc)))
  (core func $load (canon lower (func $graphs "load-by-name") (memory $mem) (realloc $realloc)))
  (core module $m
    (import "host" "memory" (memory 2))
    (import "host" "size" (func $size (param i32 i32 i32)))
    (import "host" "load" (func $load (param i32 i32 i32)))
    ;; -1 where there is no such asset.
    (func (export "asset") (param $at i32) (param $len i32) (result i64)
      (call $size (local.get $at) (local.get $len) (i32.const 64))
      (if (result i64) (i32.load8_u (i32.const 64))
        (then (i64.const -1))
        (else (i64.load (i32.const 72)))))
    (func (export "model") (param $at i32) (param $len i32) (result i32)
      (call $load (local.get $at) (local.get $len) (i32.const 64))
      (i32.eqz (i32.load8_u (i32.const 64)))))
  (core instance $i (instantiate $m (with "host" (instance
    (export "memory" (memory $mem))
    (export "size" (func $size))
    (export "load" (func $load))))))
  (func (export "asset") (param "name" string) (result s64)
    (canon lift (core func $i "asset") (memory $mem) (realloc $realloc)))
  (func (export "model") (param "name" string) (result bool)
    (canon lift (core func $i "model") (memory $mem) (realloc $realloc))))"#;

#[test]
fn models_and_assets_are_there() {
    let mock = Mock::default();
    let session = builder()
        .backend(Arc::new(mock.clone()))
        .model(ModelSpec::new("net", "plain"))
        .asset("words", &b"twelve bytes"[..])
        .build()
        .unwrap();
    let bytes = wat::parse_str(GRANTED).unwrap();
    let plugin = Plugin::from_bytes(&session, "granted", &bytes).unwrap();
    let names = text(&[Some("words"), Some("net"), None]);
    let sizes = plugin.open("asset", &json!({})).unwrap();
    let sizes = sizes.call(&[Arc::clone(&names)]).unwrap();
    let sizes: Vec<_> = sizes.as_primitive::<Int64Type>().iter().collect();
    assert_eq!(sizes, [Some(12), Some(-1), None]);
    let loaded = plugin.open("model", &json!({})).unwrap();
    let loaded = loaded.call(&[names]).unwrap();
    let loaded: Vec<_> = loaded.as_boolean().iter().collect();
    assert_eq!(loaded, [Some(false), Some(true), None]);
    assert_eq!(mock.loads(), 1);
}

/// A constant is passed in every row without being a column.
#[test]
fn constants_are_values_of_all_rows() {
    let session = builder().build().unwrap();
    let plugin = Plugin::from_bytes(&session, "plain", PLAIN.bytes).unwrap();
    let column = Argument::column(Field::new("text", DataType::Utf8, true));
    let what = Argument::constant("what", text(&[Some("a")]));
    let count = plugin
        .open_with("count", &json!({}), &[column.clone(), what])
        .unwrap();
    let rows: Vec<String> = (0..500).map(|i| "a".repeat(i % 4)).collect();
    let rows: ArrayRef = arc(StringArray::from(rows));
    let counts = count.call(&[Arc::clone(&rows)]).unwrap();
    let counts = counts.as_primitive::<UInt32Type>();
    assert!(
        counts
            .iter()
            .enumerate()
            .all(|(i, n)| n == Some(i as u32 % 4))
    );
    // As in SQL: nothing comes of a null.
    let null = Argument::constant("what", text(&[None]));
    let count = plugin
        .open_with("count", &json!({}), &[column, null])
        .unwrap();
    assert_eq!(count.call(&[rows]).unwrap().null_count(), 500);
}
