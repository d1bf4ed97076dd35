//! Functions whose types are decided when arguments are bound, and constants.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, Int8Array, Int64Array, ListArray, RecordBatch, StringArray, StringViewArray,
};
use arrow_schema::{DataType, Field};
use serde_json::json;
use wudf::{Argument, ErrorKind, Function, Plugin, Session};
use wudf_fixtures::ECHO;
use wudf_tests::host::{builder, ints, small, to_ints};

fn session() -> Session {
    builder().limits(small()).threads(1).build().unwrap()
}

fn open(session: &Session, name: &str) -> Function {
    let plugin = Plugin::from_bytes(session, "echo", ECHO.bytes).unwrap();
    plugin.open(name, &json!({})).unwrap()
}

fn column(name: &str, ty: DataType) -> Argument {
    Argument::column(Field::new(name, ty, true))
}

fn text(value: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

fn said(array: &ArrayRef) -> &str {
    array.as_string::<i32>().value(0)
}

#[test]
fn signatures_say_that_any_type_will_do() {
    let session = session();
    let echo = open(&session, "echo");
    assert_eq!(echo.signature().to_string(), "echo(x: any) -> any");
    assert!(echo.signature().is_generic());
    let last = open(&session, "last");
    assert_eq!(last.signature().to_string(), "last(x: any...) -> any");
    let bound = echo.bind(&[column("n", DataType::Int64)]).unwrap();
    assert_eq!(bound.signature().to_string(), "echo(x: int64) -> int64");
    assert!(!bound.signature().is_generic());
    // Properties that no host knows yet are kept for whoever does.
    assert_eq!(echo.signature().properties["colour"], "blue");
}

/// Who does not bind arguments gets what their types decide all the same.
#[test]
fn calls_bind_types_by_themselves() {
    let session = session();
    let echo = open(&session, "echo");
    assert_eq!(to_ints(&echo.call(&[ints([1, 2])]).unwrap()), [1, 2]);
    let views: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None]));
    let back = echo.call(&[views]).unwrap();
    assert_eq!(back.data_type(), &DataType::Utf8);
    assert_eq!((said(&back), back.is_null(1)), ("a", true));
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None]), None]);
    let lists: ArrayRef = Arc::new(lists);
    assert_eq!(&echo.call(&[Arc::clone(&lists)]).unwrap(), &lists);
    let batch = RecordBatch::try_from_iter([("n", ints([7]))]).unwrap();
    assert_eq!(to_ints(&echo.call(&batch).unwrap()), [7]);
    // Columns that are named like the arguments are those that are meant.
    let batch = RecordBatch::try_from_iter([("n", ints([7])), ("x", ints([8]))]).unwrap();
    assert_eq!(to_ints(&echo.call(&batch).unwrap()), [8]);
    // The counters are those of the function, however it was bound.
    assert_eq!(echo.stats().rows, 2 + 2 + 2 + 1 + 1);
}

#[test]
fn the_last_argument_may_be_given_several_times() {
    let session = session();
    let last = open(&session, "last");
    let output = last.call(&[text("a"), ints([3]), text("z")]).unwrap();
    assert_eq!(said(&output), "z");
    let bound = last
        .bind(&[column("a", DataType::Utf8), column("b", DataType::Int64)])
        .unwrap();
    assert_eq!(
        bound.signature().to_string(),
        "last(x: string, x2: int64...) -> int64"
    );
    let error = last.bind(&[]).unwrap();
    assert!(
        error.signature().is_generic(),
        "no arguments: nothing is bound"
    );
}

/// A constant crosses once, at `open` and as one value in a call.
#[test]
fn constants_are_one_value() {
    let session = session();
    let last = open(&session, "last");
    let constant: ArrayRef = Arc::new(Int64Array::from(vec![258]));
    let bound = last
        .bind(&[
            column("a", DataType::Int64),
            Argument::constant("b", constant),
        ])
        .unwrap();
    // `last` gives what it got, one value, which is too few.
    let error = bound.call(&[ints([1, 2, 3])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOutput);
    assert!(error.message().contains("1 values where"), "{error}");

    let describe = open(&session, "describe");
    let constant: ArrayRef = Arc::new(Int64Array::from(vec![258]));
    let bound = describe.bind(&[Argument::constant("b", constant)]).unwrap();
    let output = bound.evaluate_rows(4).unwrap();
    assert_eq!(output.values.len(), 4);
    assert_eq!(said(&output.values), "l = [2, 1, 0, 0, 0, 0, 0, 0] in 1");
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let session = session();
    let echo = open(&session, "echo");
    let two = [column("a", DataType::Int64), column("b", DataType::Int64)];
    let error = echo.bind(&two).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArguments);
    let error = echo
        .bind(&[Argument::constant("a", ints([1, 2]))])
        .unwrap_err();
    assert!(error.message().contains("2 values, not one"), "{error}");
    let union = DataType::Union(
        arrow_schema::UnionFields::empty(),
        arrow_schema::UnionMode::Sparse,
    );
    let error = echo.bind(&[column("a", union)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArguments, "{error}");
}

/// Constants of functions by the SDK, text among them, and a null.
#[test]
fn functions_of_the_sdk_take_constants() {
    let session = session();
    let kit = wudf_tests::host::kit(&session);
    let open = |arguments: &[Argument]| kit.open_with("substr", &json!({}), arguments).unwrap();
    let small = |value: i8| Argument::constant("", Arc::new(Int8Array::from(vec![value])));
    let words: Vec<String> = (0..200).map(|n| format!("{n:04}x")).collect();
    let column_of_words: ArrayRef = Arc::new(StringArray::from(words.clone()));

    let substr = open(&[column("s", DataType::Utf8), small(2), small(3)]);
    let output = substr.call(&[column_of_words]).unwrap();
    let output: Vec<&str> = output.as_string::<i32>().iter().flatten().collect();
    let expected: Vec<&str> = words.iter().map(|word| &word[2..5]).collect();
    assert_eq!(output, expected);

    let substr = open(&[
        Argument::constant("s", text("abcdef")),
        column("start", DataType::Int64),
        small(2),
    ]);
    let output = substr.call(&[ints([0, 1, 4])]).unwrap();
    let output: Vec<&str> = output.as_string::<i32>().iter().flatten().collect();
    assert_eq!(output, ["ab", "bc", "ef"]);

    let null: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
    let substr = open(&[
        Argument::constant("s", null),
        column("start", DataType::Int64),
        small(2),
    ]);
    assert_eq!(substr.call(&[ints(0..200)]).unwrap().null_count(), 200);
}
