//! One bad row costs itself only.

use std::time::Duration;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use wudf::ErrorKind::{self, *};
use wudf_tests::host::{assert_tame, builder, ints, open, small};

#[test]
fn a_crash_names_the_functions_that_were_running() {
    let session = builder().limits(small()).threads(1).build().unwrap();
    let output = open(&session, "recurses").evaluate(&[ints([13])]).unwrap();
    let message = &output.failures[0].message;
    // Once, however deep it went.
    assert_eq!(message.matches("recurses::deeper").count(), 1, "{message}");
    assert_tame(message);
}

#[test]
fn one_row_fails_and_the_others_do_not() {
    const TROUBLES: &[(&str, ErrorKind, &str)] = &[
        ("panics", Trap, "row with 13 in it"),
        ("fails", Row, "13 is unlucky"),
        ("spins", Timeout, "300ms"),
        ("hogs", Memory, "67108864 bytes of memory"),
        ("recurses", Trap, "stack overflow"),
    ];
    for threads in [1, 3] {
        for (name, kind, words) in TROUBLES {
            let mut limits = small();
            if *kind != Timeout {
                // However busy the machine is, this is not what ends them.
                limits.call_time = Duration::from_secs(60);
            }
            let session = builder().limits(limits).threads(threads).build().unwrap();
            let function = open(&session, name);
            // Where the row is must not matter: first, between, last.
            for (from, row) in [(13, 0), (0, 13), (-40, 53), (-70, 83)] {
                let output = function.evaluate(&[ints(from..from + 84)]).unwrap();
                let [failure] = output.failures.as_slice() else {
                    panic!("{name}: {:?}", output.failures);
                };
                assert_eq!(
                    (failure.row, failure.kind),
                    (row, *kind),
                    "{name}: {}",
                    failure.message
                );
                assert!(
                    failure.message.contains(words),
                    "{name}: {}",
                    failure.message
                );
                assert_tame(&failure.message);
                let values = output.values.as_primitive::<Int64Type>();
                assert_eq!(values.null_count(), 1);
                for (i, value) in values.iter().enumerate() {
                    let x = from + i64::try_from(i).unwrap();
                    assert_eq!(value, (i != row).then_some(x), "{name}");
                }
            }
            let error = function.call(&[ints(10..20)]).unwrap_err();
            assert_eq!((error.kind(), error.row()), (*kind, Some(3)), "{error}");
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("kit:{name}: row 3: ")),
                "{error}"
            );
            assert_eq!(function.stats().failures, 5, "{name}");
        }
    }
}

#[test]
fn many_bad_rows() {
    let mut limits = small();
    limits.call_time = Duration::from_secs(60);
    let session = builder().limits(limits).threads(2).build().unwrap();
    for name in ["panics", "fails"] {
        let rows = (0..1_000).map(|i| if i % 10 == 3 { 13 } else { i * 100 });
        let output = open(&session, name).evaluate(&[ints(rows)]).unwrap();
        let failed = output.failures.iter().map(|f| f.row);
        assert!(failed.eq((0..1_000).filter(|i| i % 10 == 3)), "{name}");
        assert_eq!(output.values.null_count(), 100);
    }
}

#[test]
fn more_than_may_be_returned() {
    let session = builder().limits(small()).threads(1).build().unwrap();
    let big = open(&session, "big_output");
    // Each alone fits in the sandbox, the second not in what may be returned;
    // together more than that is asked for.
    let output = big
        .evaluate(&[ints([10, 20 << 20, 5, 9 << 20, 9 << 20])])
        .unwrap();
    let failed: Vec<_> = output.failures.iter().map(|f| (f.row, f.kind)).collect();
    assert_eq!(failed, [(1, Memory)], "{:?}", output.failures);
    let lengths: Vec<_> = output
        .values
        .as_binary::<i32>()
        .iter()
        .map(|v| v.map(<[u8]>::len))
        .collect();
    assert_eq!(
        lengths,
        [Some(10), None, Some(5), Some(9 << 20), Some(9 << 20)]
    );
}
