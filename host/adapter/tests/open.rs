//! What a spec becomes, what a process opens twice, and what it refuses.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BinaryArray, Int64Array, StringArray};
use serde_json::json;
use wudf::{CallOptions, ErrorKind, MaxFailures};
use wudf_adapter::reference::digest_of;
use wudf_adapter::{OnError, PluginSource, Spec, open};
use wudf_fixtures::KIT;

fn kit(function: &str) -> Spec {
    Spec::of(PluginSource::Named(KIT.path.to_owned()), Some(function))
}

fn words() -> ArrayRef {
    Arc::new(StringArray::from(vec![Some("1"), Some("one"), None]))
}

#[test]
fn a_failed_row_does_what_the_policy_says() {
    let mut spec = kit("parse_int");
    let error = open(&spec).unwrap().call(&[words()], 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Row);
    assert_eq!(error.row(), Some(1));
    assert_eq!(error.function(), Some("parse_int"));

    spec.on_error = OnError::Null;
    let udf = open(&spec).unwrap();
    let values = udf.call(&[words()], 3).unwrap();
    assert_eq!(values.data_type(), udf.returns().data_type());
    let values = values.as_primitive::<Int64Type>();
    assert_eq!(values.iter().collect::<Vec<_>>(), [Some(1), None, None]);

    spec.on_error = OnError::Record;
    let udf = open(&spec).unwrap();
    let records = udf.call(&[words()], 3).unwrap();
    assert_eq!(records.data_type(), udf.returns().data_type());
    let records = records.as_struct();
    assert_eq!(records.null_count(), 0);
    let errors = records.column_by_name("error").unwrap().as_string::<i32>();
    assert!(errors.is_null(0) && errors.is_null(2));
    assert_eq!(errors.value(1), "invalid digit found in string");
}

#[test]
fn a_process_opens_a_spec_once_and_a_changed_file_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kit.wasm");
    std::fs::write(&path, KIT.bytes).unwrap();
    let spec = Spec::of(
        PluginSource::Named(path.to_str().unwrap().to_owned()),
        Some("add_one"),
    );
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    open(&spec).unwrap().call(&[Arc::clone(&one)], 1).unwrap();
    let again = open(&spec).unwrap();
    assert_eq!(again.function().stats().rows, 1, "the same function");

    let mut other = KIT.bytes.to_vec();
    // A custom section changes the digest and nothing else.
    other.extend_from_slice(&[0, 4, 1, b'x', 1, 2]);
    std::fs::write(&path, &other).unwrap();
    let changed = open(&spec).unwrap();
    assert_eq!(changed.function().stats().rows, 0, "another function");
    assert_eq!(changed.function().plugin().digest(), digest_of(&other));
}

#[test]
fn another_digest_is_refused() {
    let mut spec = kit("add_one");
    spec.digest = Some(digest_of(KIT.bytes));
    open(&spec).unwrap();
    spec.digest = Some(digest_of(b"another"));
    let error = open(&spec).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    spec.plugin = PluginSource::Inline {
        name: "kit".into(),
        bytes: KIT.bytes.into(),
        signatures: Vec::new(),
    };
    assert_eq!(open(&spec).unwrap_err().kind(), ErrorKind::Refused);
    spec.digest = Some(digest_of(KIT.bytes));
    open(&spec).unwrap();
}

#[test]
fn many_specs_fit_into_one_process() {
    // Each sandbox of its own would take terabytes of address space.
    for size in 1..=40 {
        let mut spec = Spec::new("image-features:image_tensor");
        spec.options = json!({ "crop": size });
        spec.models
            .insert(format!("m{size}"), "seeded:tiny".to_owned());
        let empty: ArrayRef = Arc::new(BinaryArray::from_iter_values::<&[u8], _>([]));
        assert_eq!(open(&spec).unwrap().call(&[empty], 0).unwrap().len(), 0);
    }
}

#[test]
fn a_missing_model_is_said_to_be_missing() {
    let error = open(&Spec::new("image-features")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert!(error.to_string().contains("`resnet50`"), "{error}");
}

#[test]
fn failures_are_bounded_from_when_a_function_is_opened() {
    let mut spec = kit("parse_int");
    spec.max_failures = Some(MaxFailures::Rows(1));
    let error = open(&spec).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidOptions);
    assert!(
        error.message().contains("raise stops at the first"),
        "{error}"
    );

    spec.on_error = OnError::Null;
    let udf = open(&spec).unwrap();
    udf.call(&[words()], 3).unwrap();
    // What is bound from it is counted with it.
    let bound = udf.bind_arguments(&[]).unwrap();
    let error = bound.call(&[words()], 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyFailures);
    assert_eq!(error.function(), Some("parse_int"));
    assert!(error.message().contains("invalid digit"), "{error}");
    assert_eq!(
        udf.call(&[words()], 3).unwrap_err().kind(),
        ErrorKind::TooManyFailures
    );
    let direct = udf.under(CallOptions::new());
    assert!(udf.function().evaluate_with(&[words()], &direct).is_err());

    let again = open(&spec).unwrap();
    assert_eq!(again.call(&[words()], 3).unwrap().null_count(), 2);
    assert!(udf.call(&[words()], 3).is_err(), "that one stays as it is");
}
