//! What is counted, which rows are slow, and how many may fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef, BinaryArray, ListArray, StringViewArray};
use serde_json::json;
use wudf::nn::ModelSpec;
use wudf::{CallOptions, ErrorKind, FailureBudget, Function, MaxFailures, Plugin};
use wudf_fixtures::PLAIN;
use wudf_tests::host::{builder, ints, kit, open, open_with, small};
use wudf_tests::mock::Mock;

/// A function of the test plugin on one thread, which nothing but its rows ends.
fn patient(name: &str) -> Function {
    let mut limits = small();
    limits.call_time = Duration::from_secs(60);
    let runtime = builder().limits(limits).threads(1).build().unwrap();
    open(&runtime, name)
}

#[test]
fn failures_are_counted_by_their_codes() {
    let fails = patient("fails");
    fails.evaluate(&[ints([1, 13, 2, 13])]).unwrap();
    let stats = fails.stats();
    assert_eq!((stats.rows, stats.failures), (4, 2));
    assert_eq!(stats.failures_by_code.values().sum::<u64>(), 2);
    assert!(!stats.failures_by_code.contains_key("trap"), "{stats:?}");

    let panics = patient("panics");
    panics.evaluate(&[ints([1, 13, 2])]).unwrap();
    assert_eq!(
        panics.stats().failures_by_code,
        [("trap".to_owned(), 1)].into()
    );
}

#[test]
fn bytes_are_those_of_the_rows() {
    let add_one = patient("add_one");
    add_one.call(&[ints(0..1_000).slice(100, 50)]).unwrap();
    let stats = add_one.stats();
    assert_eq!((stats.bytes_in, stats.bytes_out), (400, 400));

    let blob_len = patient("blob_len");
    let blobs: ArrayRef = Arc::new(BinaryArray::from_iter_values([&b"abc"[..], b"", b"abcd"]));
    blob_len.call(&[blobs.slice(1, 2)]).unwrap();
    assert_eq!(blob_len.stats().bytes_in, 4);
    let text = "x".repeat(100);
    let views: ArrayRef = Arc::new(StringViewArray::from(vec![Some("ab"), None, Some(&text)]));
    let upper = patient("upper");
    upper.call(&[views]).unwrap();
    assert_eq!(upper.stats().bytes_in, 102);
    assert_eq!(upper.stats().bytes_out, 102);
}

#[test]
fn instances_are_counted() {
    let panics = patient("panics");
    assert_eq!(panics.stats().instances_created, 1);
    for _ in 0..3 {
        panics.call(&[ints([1])]).unwrap();
    }
    let stats = panics.stats();
    assert_eq!(
        (stats.calls, stats.instances_created, stats.instances_reused),
        (3, 1, 3)
    );
    // Once in the used instance, and once in a new one.
    panics.evaluate(&[ints([13])]).unwrap();
    panics.call(&[ints([1])]).unwrap();
    let stats = panics.stats();
    assert_eq!(
        (stats.calls, stats.instances_created, stats.instances_reused),
        (6, 3, 4)
    );
    assert_eq!(stats.instances_evicted, 0);
}

#[test]
fn what_was_bound_counts_with_the_function() {
    let runtime = builder().limits(small()).threads(1).build().unwrap();
    let echo = kit(&runtime).open("add_one", &json!({})).unwrap();
    let bound = echo.bind(&[]).unwrap();
    bound.call(&[ints([1, 2])]).unwrap();
    assert_eq!(echo.stats().rows, 2);
    assert_eq!(echo.stats().instances_created, 2);
}

/// Runs of a model are counted where they were led, and waiting is told from running.
#[test]
fn batches_of_models_are_counted() {
    let mock = Mock::default();
    let mut limits = small();
    limits.call_time = Duration::from_secs(60);
    let runtime = builder()
        .limits(limits)
        .threads(2)
        .backend(Arc::new(mock.clone()))
        .model(ModelSpec::new("m", "takes=5").batch_size(8))
        .model(ModelSpec::new("inline", "takes=5").batch_size(1))
        .build()
        .unwrap();
    let rows = (0..200_u16).map(|n| Some([0.0, 0.5].map(|half| Some(f32::from(n) + half))));
    let rows: [ArrayRef; 1] = [Arc::new(
        ListArray::from_iter_primitive::<Float32Type, _, _>(rows),
    )];
    let infer = open_with(&runtime, "infer", &json!({"model": "m"}));
    for _ in 0..3 {
        assert!(infer.evaluate(&rows).unwrap().failures.is_empty());
    }
    let (stats, runs) = (infer.stats(), mock.runs());
    assert_eq!(stats.batch_runs, runs.len() as u64);
    assert_eq!(stats.batch_rows, runs.iter().sum::<usize>() as u64);
    assert!(stats.batch_rows > stats.batch_runs, "{stats:?}");
    // Many wait while one of them runs.
    assert!(stats.queue_wait > Duration::ZERO, "{stats:?}");
    assert!(stats.queue_wait < stats.model, "{stats:?}");

    let inline = open_with(&runtime, "infer", &json!({"model": "inline"}));
    assert!(inline.evaluate(&rows).unwrap().failures.is_empty());
    let stats = inline.stats();
    assert_eq!((stats.batch_runs, stats.queue_wait), (0, Duration::ZERO));
    assert!(stats.model >= Duration::from_secs(1));
}

#[test]
fn slow_rows_are_told() {
    let mut limits = small();
    limits.call_time = Duration::from_millis(500);
    let runtime = builder().limits(limits).threads(1).build().unwrap();
    let spins = open(&runtime, "spins");
    let options = CallOptions::new().slow(Duration::from_millis(400));
    for from in [13, 0] {
        let output = spins
            .evaluate_with(&[ints(from..from + 30)], &options)
            .unwrap();
        let at = usize::try_from(13 - from).unwrap();
        // Alone, as it is when it is known to be the one.
        let slow = output.slow.iter().find(|slow| slow.rows == (at..at + 1));
        let took = slow.unwrap_or_else(|| panic!("{:?}", output.slow)).took;
        assert!(took >= Duration::from_millis(400), "{took:?}");
    }
    let output = spins.evaluate(&[ints([13])]).unwrap();
    assert_eq!(output.slow, []);
}

/// Each row is in one of the calls, of plain plugins and of others.
#[test]
fn calls_of_several_rows_are_told_as_such() {
    let runtime = builder().threads(2).build().unwrap();
    let plain = Plugin::from_bytes(&runtime, "plain", PLAIN.bytes).unwrap();
    let plain = plain.open("panics", &json!({})).unwrap();
    let options = CallOptions::new().slow(Duration::ZERO);
    for function in [plain, open(&runtime, "add_one")] {
        let output = function
            .evaluate_with(&[ints(20..5_020)], &options)
            .unwrap();
        let mut next = 0;
        for slow in &output.slow {
            assert_eq!(slow.rows.start, next, "{:?}", output.slow);
            next = slow.rows.end;
        }
        assert_eq!(next, 5_000);
        assert!(output.slow.iter().any(|slow| slow.rows.len() > 1));
    }
}

fn budget(most: &str) -> (FailureBudget, CallOptions) {
    let budget = FailureBudget::new(most.parse::<MaxFailures>().unwrap());
    (budget.clone(), CallOptions::new().max_failures(budget))
}

#[test]
fn a_job_of_many_calls_ends_when_too_many_rows_failed() {
    for name in ["fails", "panics"] {
        let function = patient(name);
        let (spent, options) = budget("3");
        for _ in 0..3 {
            let output = function
                .evaluate_with(&[ints([1, 13, 2])], &options)
                .unwrap();
            assert_eq!(output.failures.len(), 1);
        }
        for rows in [[1, 13, 2], [1, 2, 3]] {
            let error = function.evaluate_with(&[ints(rows)], &options).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooManyFailures);
            assert_eq!((error.function(), error.row()), (Some(name), None));
            let message = error.message();
            assert!(message.starts_with("4 of 1"), "{message}");
            assert!(
                message.contains("more than max_failures=3 allows: "),
                "{message}"
            );
            assert!(message.contains("13"), "{message}");
        }
        assert!(spent.check().is_err());
        // The function itself is none the worse for it.
        assert_eq!(function.evaluate(&[ints([13])]).unwrap().failures.len(), 1);
    }
}

/// Long before all rows of a batch have been tried.
#[test]
fn a_large_batch_is_stopped_on_its_way() {
    for threads in [1, 3] {
        let runtime = builder().limits(small()).threads(threads).build().unwrap();
        for name in ["fails", "panics"] {
            let function = open(&runtime, name);
            let (_, options) = budget("50");
            let rows = ints(vec![13; 200_000]);
            let error = function.evaluate_with(&[rows], &options).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooManyFailures, "{error}");
            let rows: u64 = error.message().split(' ').nth(2).unwrap().parse().unwrap();
            assert!(rows < 100_000, "{error}");
            assert_eq!(function.stats().rows, 0, "the batch has no result");
        }
    }
}

/// Of 100,000 rows 1 % fail, spread over all of them: that is within 2 %, and not within half.
#[test]
fn a_percentage_is_of_all_rows_so_far() {
    let fails = patient("fails");
    let rows = || ints((0..100_000).map(|i| if i % 100 == 99 { 13 } else { 1 }));
    let (spent, options) = budget("2%");
    let output = fails.evaluate_with(&[rows()], &options).unwrap();
    assert_eq!(output.failures.len(), 1_000);
    assert!(spent.settle().is_ok());
    let (_, options) = budget("0.5%");
    let error = fails.evaluate_with(&[rows()], &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyFailures);
    // Not before there were enough to judge.
    let rows: u64 = error.message().split(' ').nth(2).unwrap().parse().unwrap();
    assert!(rows >= MaxFailures::JUDGED_FROM, "{error}");
}

/// Whoever spends the rest of a budget ends the others that work under it.
#[test]
fn calls_under_one_budget_end_together() {
    let spins = patient("spins");
    let (spent, options) = budget("0");
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| spins.evaluate_with(&[ints([13])], &options));
        std::thread::sleep(Duration::from_millis(100));
        spent.count(1, ["another row"]);
        let error = call.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyFailures, "{error}");
        assert!(error.message().ends_with("another row"), "{error}");
    });
    // Not the 60 s that a call may take.
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(spins.call(&[ints([1])]).unwrap().len(), 1);
}
