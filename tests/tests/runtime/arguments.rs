//! What may be an argument, what is made of it, and what is said of the rest.

use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema};
use serde_json::json;
use wudf::{Error, ErrorKind, Session};
use wudf_tests::host::{builder, ints, kit, open, open_with, small, to_ints};

fn session() -> Session {
    builder().limits(small()).threads(2).build().unwrap()
}

#[track_caller]
fn assert_says(error: &Error, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(
            error.to_string().contains(word),
            "{word:?} is not in: {error}"
        );
    }
}

#[test]
fn layouts_are_cast() {
    let session = session();
    let upper = open(&session, "upper");
    let texts = ["a", "bb", "a longer one, longer than a view holds", "a"];
    let arrays: [ArrayRef; 5] = [
        Arc::new(StringArray::from_iter_values(texts)),
        Arc::new(LargeStringArray::from_iter_values(texts)),
        Arc::new(StringViewArray::from_iter_values(texts)),
        Arc::new(texts.into_iter().collect::<DictionaryArray<Int8Type>>()),
        Arc::new(texts.into_iter().collect::<DictionaryArray<UInt32Type>>()),
    ];
    let wanted: Vec<_> = texts.map(str::to_uppercase).to_vec();
    for array in arrays {
        upper.check_types([array.data_type()]).unwrap();
        for from in 0..4 {
            let values = upper.call(&[array.slice(from, 4 - from)]).unwrap();
            let values: Vec<_> = values
                .as_string::<i32>()
                .iter()
                .flatten()
                .map(str::to_owned)
                .collect();
            assert_eq!(values, wanted[from..], "{}", array.data_type());
        }
    }

    let blob_len = open(&session, "blob_len");
    let bytes: [ArrayRef; 4] = [
        Arc::new(BinaryViewArray::from_iter_values(texts)),
        Arc::new(LargeBinaryArray::from_iter_values(texts)),
        Arc::new(StringArray::from_iter_values(texts)),
        Arc::new(StringViewArray::from_iter_values(texts)),
    ];
    for array in bytes {
        let values = blob_len.call(std::slice::from_ref(&array)).unwrap();
        assert_eq!(to_ints(&values), [1, 2, 38, 1], "{}", array.data_type());
    }

    let add_one = open(&session, "add_one");
    let small: [ArrayRef; 4] = [
        Arc::new(Int8Array::from(vec![-1, 0])),
        Arc::new(Int32Array::from(vec![-1, 0])),
        Arc::new(DictionaryArray::<Int8Type>::new(
            vec![1, 0].into(),
            ints([0, -1]),
        )),
        Arc::new(RunArray::<Int16Type>::try_new(&vec![1, 2].into(), &ints([-1, 0])).unwrap()),
    ];
    for array in small {
        let values = add_one.call(std::slice::from_ref(&array)).unwrap();
        assert_eq!(to_ints(&values), [0, 1], "{}", array.data_type());
    }
}

#[test]
fn lists_are_cast() {
    let session = session();
    let echo = open(&session, "echo_list");
    let lists = [Some(vec![Some(1.0), Some(2.0)]), None, Some(vec![])];
    let wanted = ListArray::from_iter_primitive::<Float32Type, _, _>(lists.clone());
    let arrays: [ArrayRef; 2] = [
        Arc::new(LargeListArray::from_iter_primitive::<Float32Type, _, _>(
            lists,
        )),
        arrow_cast::cast(
            &wanted,
            &DataType::ListView(Arc::new(Field::new("x", DataType::Float32, true))),
        )
        .unwrap(),
    ];
    for array in arrays {
        let values = echo.call(std::slice::from_ref(&array)).unwrap();
        let values = arrow_cast::cast(&values, wanted.data_type()).unwrap();
        assert_eq!(
            values.as_ref(),
            &wanted as &dyn Array,
            "{}",
            array.data_type()
        );
    }
    // `Vec<f32>` has no place for a null; that is the row's trouble alone.
    let mut list = ListBuilder::new(Float32Builder::new());
    list.append_value([Some(1.0)]);
    list.append_value([Some(1.0), None]);
    list.append_value([Some(2.0)]);
    let output = echo
        .evaluate(&[Arc::new(list.finish()) as ArrayRef])
        .unwrap();
    let failed: Vec<_> = output.failures.iter().map(|f| (f.row, f.kind)).collect();
    assert_eq!(failed, [(1, ErrorKind::Row)], "{:?}", output.failures);
    assert_eq!(output.values.null_count(), 1);
}

#[test]
fn wrong_arguments_are_named() {
    let session = session();
    let weigh = open(&session, "weigh");
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    let counts: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
    let words: ArrayRef = Arc::new(StringArray::from(vec!["1", "2"]));
    let error = weigh.call(&[words.clone(), floats.clone()]).unwrap_err();
    assert_says(
        &error,
        ErrorKind::InvalidArguments,
        &["kit:weigh", "`count`", "int32", "string"],
    );
    let error = weigh
        .check_types([&DataType::Int32, &DataType::Utf8])
        .unwrap_err();
    assert_says(
        &error,
        ErrorKind::InvalidArguments,
        &["`weight`", "float64", "string"],
    );
    for given in [
        vec![],
        vec![counts.clone()],
        vec![counts.clone(), floats.clone(), floats.clone()],
    ] {
        let error = weigh.call(&given).unwrap_err();
        let count = given.len().to_string();
        assert_says(
            &error,
            ErrorKind::InvalidArguments,
            &["2", &count, "weigh(count: int32, weight: float64)"],
        );
    }
    let error = weigh
        .call(&[counts.clone(), floats.slice(0, 1)])
        .unwrap_err();
    assert_says(&error, ErrorKind::InvalidArguments, &["lengths"]);
    let error = open(&session, "echo_f32").call(&[words]).unwrap_err();
    assert_says(
        &error,
        ErrorKind::InvalidArguments,
        &["`x`", "cannot cast string to float32"],
    );
    assert_eq!(
        (error.plugin(), error.function(), error.row()),
        (Some("kit"), Some("echo_f32"), None)
    );
}

/// A value that has no equal in the argument's type fails its row, in whichever
/// chunk it is, and beside rows that the function fails.
#[test]
fn values_that_do_not_fit_fail_their_rows() {
    let mut limits = small();
    limits.chunk_rows = 2;
    let session = builder().limits(limits).threads(1).build().unwrap();
    let numbers = |values: Vec<Option<f64>>| Arc::new(Float64Array::from(values)) as ArrayRef;
    let column = numbers(vec![
        Some(1.0),
        Some(1.7),
        None,
        Some(13.0),
        Some(2.0),
        Some(1e300),
    ]);
    let output = open(&session, "fails")
        .evaluate(std::slice::from_ref(&column))
        .unwrap();
    let failed: Vec<_> = output
        .failures
        .iter()
        .map(|f| (f.row, f.code.as_str()))
        .collect();
    let rows: Vec<_> = failed.iter().map(|(row, _)| *row).collect();
    assert_eq!(rows, [1, 3, 5], "{:?}", output.failures);
    assert_eq!(
        (failed[0].1, failed[2].1),
        ("invalid-input", "invalid-input")
    );
    let message = &output.failures[0].message;
    assert_eq!(message, "argument `x`: 1.7 does not fit int64");
    assert!(output.failures[1].message.contains("unlucky"));
    let null: Vec<_> = (0..6).filter(|i| output.values.is_null(*i)).collect();
    assert_eq!(null, [1, 2, 3, 5]);
    let error = open(&session, "fails").call(&[column]).unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Row, Some(1)));
}

/// `{y, x, ...}` given for `{x, y, ...}` must not swap values, whatever may be null.
#[test]
fn structs_match_by_name() {
    let session = session();
    let echo = open(&session, "echo_struct");
    let argument = echo.signature().arguments[0].data_type().clone();
    let DataType::Struct(wanted) = &argument else {
        panic!("{argument}")
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("more", ints([1, 2])),
        ("y", Arc::new(Float64Array::from(vec![2.0, 4.0]))),
        ("x", Arc::new(Float64Array::from(vec![1.0, 3.0]))),
        ("tags", new_empty_array(wanted[3].data_type())),
        ("name", Arc::new(StringArray::from(vec!["a", "b"]))),
    ];
    let tags = ListArray::new(
        Arc::new(Field::new("item", DataType::Utf8, false)),
        arrow_buffer::OffsetBuffer::from_lengths([0, 0]),
        Arc::new(StringArray::from(Vec::<&str>::new())),
        None,
    );
    for nullable in [true, false] {
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns
            .iter()
            .map(|(name, array)| {
                let array: ArrayRef = match *name {
                    "tags" => Arc::new(tags.clone()),
                    _ => array.clone(),
                };
                (
                    Field::new(*name, array.data_type().clone(), nullable),
                    array,
                )
            })
            .unzip();
        let given: ArrayRef = Arc::new(StructArray::new(fields.into(), arrays, None));
        let back = echo.call(&[given]).unwrap();
        let back = back.as_struct();
        let field = |name| {
            back.column_by_name(name)
                .unwrap()
                .as_primitive::<Float64Type>()
                .value(1)
        };
        assert_eq!((field("x"), field("y")), (3.0, 4.0));
    }
}

#[test]
fn batches_by_name_and_by_place() {
    let session = session();
    let weigh = open(&session, "weigh");
    let batch = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).unwrap();
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.5, 2.0]));
    let counts: ArrayRef = Arc::new(Int32Array::from(vec![3, 4]));
    let other = ints([0, 0]);
    let named = batch(vec![
        ("weight", floats.clone()),
        ("other", other.clone()),
        ("count", counts.clone()),
    ]);
    let placed = batch(vec![("a", counts.clone()), ("b", floats.clone())]);
    for batch in [&named, &placed] {
        let values = weigh.call(batch).unwrap();
        assert_eq!(values.as_primitive::<Float64Type>().values(), &[1.5, 8.0]);
    }
    let neither = batch(vec![("a", counts), ("b", floats), ("c", other)]);
    let error = weigh.call(&neither).unwrap_err();
    assert_says(
        &error,
        ErrorKind::InvalidArguments,
        &["count", "weight", "there is: a, b, c"],
    );
}

#[test]
fn no_arguments() {
    let session = session();
    let answer = open(&session, "answer");
    let output = answer.evaluate_rows(10_000).unwrap();
    assert_eq!(to_ints(&output.values), vec![42; 10_000]);
    let options = RecordBatchOptions::new().with_row_count(Some(3));
    let batch =
        RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap();
    assert_eq!(to_ints(&answer.call(&batch).unwrap()), [42; 3]);
    assert_eq!(answer.evaluate_rows(0).unwrap().values.len(), 0);
    let error = open(&session, "add_one").evaluate_rows(1).unwrap_err();
    assert_says(&error, ErrorKind::InvalidArguments, &["add_one(x: int64)"]);
}

#[test]
fn options() {
    let session = session();
    let kit = kit(&session);
    let said = |options| {
        let echo = open_with(&session, "options_echo", &options);
        let values = echo.call(&[ints([0])]).unwrap();
        values.as_string::<i32>().value(0).to_owned()
    };
    let defaults = said(json!({}));
    assert!(
        defaults.contains("text: \"hello\"") && defaults.contains("count: 224"),
        "{defaults}"
    );
    assert_eq!(said(json!(null)), defaults);
    let given = said(
        json!({"text": "é\"\n", "count": 7, "flavour": "dark_chocolate", "inner": {"depth": 3}, "names": ["a"], "verbose": true}),
    );
    for word in [
        r#"text: "é\"\n""#,
        "count: 7",
        "DarkChocolate",
        "depth: 3",
        r#"names: ["a"]"#,
        "verbose: true",
    ] {
        assert!(given.contains(word), "{word:?} is not in {given}");
    }

    let open = |name, options| kit.open(name, &options).unwrap_err();
    let error = open("options_echo", json!({"colour": 1}));
    assert_says(
        &error,
        ErrorKind::InvalidOptions,
        &["kit:options_echo", "colour", "flavour"],
    );
    let error = open("options_echo", json!({"count": "many"}));
    assert_says(&error, ErrorKind::InvalidOptions, &["count"]);
    let error = open("options_echo", json!({"flavour": "strawberry"}));
    assert_says(
        &error,
        ErrorKind::InvalidOptions,
        &["flavour", "vanilla", "dark_chocolate"],
    );
    let error = open("options_echo", json!({"inner": {"depth": 256}}));
    assert_says(&error, ErrorKind::InvalidOptions, &["depth"]);
    let error = open("options_echo", json!([1]));
    assert_says(&error, ErrorKind::InvalidOptions, &["object"]);
    let error = open("sized_list", json!({}));
    assert_says(&error, ErrorKind::InvalidOptions, &["size"]);
    let error = open("no\u{1b}such", json!({}));
    assert_says(
        &error,
        ErrorKind::UnknownFunction,
        &["add_one", "parse_int"],
    );
    wudf_tests::host::assert_tame(&error.to_string());
}

#[test]
fn options_change_what_is_returned() {
    let session = session();
    let sized = open_with(&session, "sized_list", &json!({"size": 4}));
    let DataType::FixedSizeList(_, 4) = sized.signature().returns.data_type() else {
        panic!("{:?}", sized.signature().returns);
    };
    let output = sized.evaluate(&[ints([1, 13, 2])]).unwrap();
    assert_eq!(output.values.len(), 3);
    assert_eq!(
        output.failures.iter().map(|f| f.row).collect::<Vec<_>>(),
        [1]
    );
    let lists = output.values.as_fixed_size_list();
    assert_eq!(
        lists.value(2).as_primitive::<Float32Type>().values(),
        &[2.0; 4]
    );
    // As wide as a value can be, and one too many.
    let kit = kit(&session);
    const MOST: usize = 7_895_160;
    assert!(kit.open("sized_list", &json!({"size": MOST})).is_ok());
    let error = kit
        .open("sized_list", &json!({"size": MOST + 1}))
        .unwrap_err();
    assert_says(&error, ErrorKind::InvalidPlugin, &["33554432 bytes"]);
}
