//! However a batch is cut and spread, the result is the same.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BinaryArray, StringArray};
use wudf::{ErrorKind, Function, Limits, Session};
use wudf_tests::host::{builder, ints, kit, open, small, to_ints};

fn session(threads: usize, change: impl FnOnce(&mut Limits)) -> Session {
    let mut limits = small();
    // The machine may be busy: nothing here is to time out.
    limits.call_time = std::time::Duration::from_secs(60);
    change(&mut limits);
    builder().limits(limits).threads(threads).build().unwrap()
}

/// Numbers as text, of which some are none.
fn texts(rows: usize) -> StringArray {
    (0..rows)
        .map(|i| match i % 97 {
            13 | 14 => Some(format!("no number {i}")),
            15 => None,
            _ => Some("0".repeat(i % 30) + &i.to_string()),
        })
        .collect()
}

fn assert_parsed(parse: &Function, texts: &StringArray) {
    let output = parse
        .evaluate(&[Arc::new(texts.clone()) as ArrayRef])
        .unwrap();
    let wanted: Vec<Option<i64>> = texts.iter().map(|t| t?.parse().ok()).collect();
    let values: Vec<_> = output.values.as_primitive::<Int64Type>().iter().collect();
    assert!(values == wanted, "values differ");
    let bad =
        (0..texts.len()).filter(|i| texts.is_valid(*i) && texts.value(*i).parse::<i64>().is_err());
    let failed: Vec<_> = output.failures.iter().map(|f| f.row).collect();
    assert!(failed == bad.collect::<Vec<_>>(), "{failed:?}");
    for failure in &output.failures {
        assert_eq!(failure.kind, ErrorKind::Row);
        assert!(
            failure.message.contains("invalid digit"),
            "{}",
            failure.message
        );
    }
}

#[test]
fn threads_rows_and_bytes_change_nothing() {
    let texts = texts(20_000);
    for threads in [1, 2, 5] {
        for (rows, bytes) in [(8_192, 8 << 20), (7, 8 << 20), (8_192, 256), (1, 1), (0, 0)] {
            let session = session(threads, |limits| {
                limits.chunk_rows = rows;
                limits.chunk = bytes;
            });
            assert_eq!(session.threads(), threads);
            let parse = open(&session, "parse_int");
            assert_parsed(&parse, &texts);
            // Again, now that it is known what a row costs, and a slice.
            assert_parsed(&parse, &texts);
            assert_parsed(&parse, &texts.slice(1_001, 998));
            let stats = parse.stats();
            assert_eq!(stats.rows, 40_998);
            assert!(stats.failures > 800, "{stats:?}");
            let fewest = stats.rows / (rows.max(1) as u64);
            assert!(stats.calls >= fewest, "{rows} rows to a chunk: {stats:?}");
        }
    }
}

#[test]
fn chunks_are_cut_by_bytes() {
    let session = session(1, |limits| limits.chunk = 10_000);
    let blob_len = open(&session, "blob_len");
    // One row is more than a chunk; it goes alone.
    let lengths: Vec<usize> = (0..200)
        .map(|i| if i == 77 { 50_000 } else { 1_000 })
        .collect();
    let blobs = BinaryArray::from_iter_values(lengths.iter().map(|n| vec![7_u8; *n]));
    for array in [
        Arc::new(blobs.clone()) as ArrayRef,
        arrow_cast::cast(&blobs, &arrow_schema::DataType::BinaryView).unwrap(),
    ] {
        let before = blob_len.stats().calls;
        let values = blob_len.call(&[array]).unwrap();
        assert!(
            to_ints(&values)
                .iter()
                .map(|n| *n as usize)
                .eq(lengths.iter().copied())
        );
        let calls = blob_len.stats().calls - before;
        assert!((21..=200).contains(&calls), "{calls}");
    }
}

/// Wide results are asked for in parts, so that they fit in what a call may
/// return.
#[test]
fn chunks_are_cut_by_what_comes_back() {
    let session = session(1, |limits| limits.output = 1 << 20);
    let wide =
        wudf_tests::host::open_with(&session, "sized_list", &serde_json::json!({"size": 10_000}));
    let output = wide.evaluate(&[ints(100..300)]).unwrap();
    assert!(output.failures.is_empty(), "{:?}", output.failures[0]);
    assert_eq!(output.values.len(), 200);
    assert!(wide.stats().calls >= 8);
}

#[test]
fn a_function_on_many_threads() {
    let session = session(2, |limits| limits.chunk_rows = 100);
    let add_one = open(&session, "add_one");
    let parse = open(&session, "parse_int");
    let texts = texts(500);
    std::thread::scope(|scope| {
        for thread in 0..8_i64 {
            let (add_one, parse, texts) = (add_one.clone(), &parse, &texts);
            scope.spawn(move || {
                for turn in 0..20 {
                    let from = thread * 1_000 + turn;
                    let values = add_one.call(&[ints(from..from + 777)]).unwrap();
                    assert_eq!(to_ints(&values), (from + 1..from + 778).collect::<Vec<_>>());
                    assert_parsed(parse, texts);
                }
            });
        }
    });
    assert_eq!(add_one.stats().rows, 8 * 20 * 777);
    assert_eq!(parse.stats().rows, 8 * 20 * 500);
}

#[test]
fn empty_batches_count_nothing() {
    let session = session(2, |_| ());
    let parse = open(&session, "parse_int");
    let none: ArrayRef = Arc::new(StringArray::from(Vec::<&str>::new()));
    let output = parse.evaluate(&[none]).unwrap();
    assert_eq!((output.values.len(), output.failures.len()), (0, 0));
    assert_eq!(parse.stats().rows, 0);
}

/// Functions outlive what they were made from, and threads at work outlive
/// nobody's patience.
#[test]
fn a_session_may_be_dropped_first() {
    let add_one = {
        let session = session(3, |limits| limits.chunk_rows = 10);
        kit(&session)
            .open("add_one", &serde_json::Value::Null)
            .unwrap()
    };
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let add_one = add_one.clone();
            std::thread::spawn(move || to_ints(&add_one.call(&[ints(0..5_000)]).unwrap()))
        })
        .collect();
    assert_eq!(add_one.plugin().name(), "kit");
    drop(add_one);
    for thread in threads {
        assert_eq!(thread.join().unwrap(), (1..5_001).collect::<Vec<_>>());
    }
}
