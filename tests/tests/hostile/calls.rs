//! Lies about results, and attacks on what the host offers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use serde_json::json;
use wudf::ErrorKind::{self, *};
use wudf::nn::ModelSpec;
use wudf::{CallOptions, CancellationToken, Function, Limits, Output, Plugin, Result, Session};
use wudf_fixtures::{KIT, LIAR};
use wudf_tests::host::{assert_tame, builder, ints, kit, open, small, to_ints};
use wudf_tests::mock::Mock;

use Outcome::{Fails, Refused, Says, Slow, Values};

/// What comes of a call.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// Values for all rows.
    Values,
    /// Text in all rows, which has this in it.
    Says(&'static str),
    /// The call is refused as a whole.
    Refused(ErrorKind),
    /// Rows fail, the first of them like this.
    Fails(ErrorKind),
    /// Each row says this, or runs out of time: that depends on the machine.
    Slow(&'static str),
}

/// Every function of the liar.
const OUTCOMES: &[(&str, Outcome)] = &[
    ("honest", Values),
    ("nodes_none", Refused(InvalidOutput)),
    ("nodes_missing", Refused(InvalidOutput)),
    ("nodes_extra", Refused(InvalidOutput)),
    ("nodes_million", Fails(Memory)),
    ("buffers_none", Refused(InvalidOutput)),
    ("buffers_missing", Refused(InvalidOutput)),
    ("buffers_extra", Refused(InvalidOutput)),
    ("buffers_million", Fails(Memory)),
    ("values_short", Refused(InvalidOutput)),
    ("values_empty", Refused(InvalidOutput)),
    ("flags_short", Refused(InvalidOutput)),
    ("bitmap_short", Refused(InvalidOutput)),
    ("null_count_high", Refused(InvalidOutput)),
    ("null_count_low", Refused(InvalidOutput)),
    ("null_count_zero", Refused(InvalidOutput)),
    ("null_count_huge", Refused(InvalidOutput)),
    ("nulls_without_bitmap", Refused(InvalidOutput)),
    ("nulls_not_nullable", Refused(InvalidOutput)),
    ("rows_more", Refused(InvalidOutput)),
    ("rows_fewer", Refused(InvalidOutput)),
    ("rows_none", Refused(InvalidOutput)),
    ("length_huge", Refused(InvalidOutput)),
    ("length_overflows", Refused(InvalidOutput)),
    ("item_length_huge", Refused(InvalidOutput)),
    ("offsets_empty", Refused(InvalidOutput)),
    ("offsets_short", Refused(InvalidOutput)),
    ("offsets_decreasing", Refused(InvalidOutput)),
    ("offsets_past_end", Refused(InvalidOutput)),
    ("offsets_huge", Refused(InvalidOutput)),
    ("offsets_negative", Refused(InvalidOutput)),
    ("offsets_not_from_zero", Refused(InvalidOutput)),
    ("list_offsets_decreasing", Refused(InvalidOutput)),
    ("list_offsets_past_end", Refused(InvalidOutput)),
    ("list_offsets_negative", Refused(InvalidOutput)),
    ("text_not_utf8", Refused(InvalidOutput)),
    ("text_cut_characters", Refused(InvalidOutput)),
    ("items_short", Refused(InvalidOutput)),
    ("fixed_items_short", Refused(InvalidOutput)),
    ("fixed_items_one_each", Refused(InvalidOutput)),
    ("decimal_too_large", Refused(InvalidOutput)),
    ("time_of_two_days", Refused(InvalidOutput)),
    ("hash_short", Refused(InvalidOutput)),
    ("map_honest", Values),
    ("map_null_entry", Refused(InvalidOutput)),
    ("map_null_key", Refused(InvalidOutput)),
    ("map_offsets_past_end", Refused(InvalidOutput)),
    ("map_offsets_negative", Refused(InvalidOutput)),
    ("fields_short", Refused(InvalidOutput)),
    ("failures_out_of_range", Refused(InvalidOutput)),
    ("failures_far_out", Refused(InvalidOutput)),
    ("failures_twice", Refused(InvalidOutput)),
    ("failures_descending", Refused(InvalidOutput)),
    ("failures_too_many", Fails(Memory)),
    ("failures_huge", Fails(Memory)),
    ("failures_all_large", Fails(Row)),
    ("failures_escapes", Fails(Row)),
    ("failures_with_values", Refused(InvalidOutput)),
    ("error_escapes", Refused(Plugin)),
    ("error_huge", Fails(Memory)),
    ("error_empty", Refused(Plugin)),
    ("output_huge", Fails(Memory)),
    ("traps", Fails(Trap)),
    ("tensor_short", Says("InvalidArgument")),
    ("tensor_empty", Says("InvalidArgument")),
    ("tensor_long", Says("InvalidArgument")),
    ("tensor_overflows", Says("InvalidArgument")),
    ("tensor_wraps", Says("InvalidArgument")),
    ("tensor_zero", Says("GOT")),
    ("tensor_no_dimensions", Says("InvalidArgument")),
    ("tensor_many_dimensions", Says("InvalidArgument")),
    ("tensor_wrong_type", Says("InvalidArgument")),
    ("tensor_bf16", Says("InvalidArgument")),
    ("tensor_huge", Fails(Memory)),
    ("tensor_flood", Fails(Memory)),
    ("tensor_dimensions_flood", Fails(Memory)),
    ("input_unknown", Says("InvalidArgument")),
    ("input_escapes", Says("InvalidArgument")),
    ("input_none", Says("InvalidArgument")),
    ("input_twice", Says("InvalidArgument")),
    ("input_thousands", Fails(Memory)),
    ("model_from_bytes", Says("Security")),
    ("model_from_no_bytes", Says("Security")),
    ("model_from_many_bytes", Fails(Memory)),
    ("model_path", Says("NotFound")),
    ("model_path_up", Says("NotFound")),
    ("model_empty", Says("NotFound")),
    ("model_no_outputs", Says("NotFound")),
    ("model_unknown_outputs", Says("NotFound")),
    ("model_many_outputs", Says("TooLarge")),
    ("model_escapes", Says("NotFound")),
    ("model_long", Says("TooLarge")),
    ("graph_flood", Fails(Memory)),
    ("context_flood", Fails(Memory)),
    ("asset_unknown", Says("not-found")),
    ("asset_path", Says("not-found")),
    ("asset_past_end", Says("out-of-range")),
    ("asset_wraps", Says("out-of-range")),
    ("asset_huge", Says("out-of-range")),
    ("prints_escapes", Says("GOT")),
    ("prints_flood", Slow("printed")),
];

fn session(limits: Limits) -> Session {
    builder()
        .limits(limits)
        .threads(2)
        .backend(Arc::new(Mock::default()))
        .model(ModelSpec::new("mock", "wide=4"))
        .asset("words", "one\ntwo\n")
        .build()
        .unwrap()
}

fn lie(liar: &Plugin, name: &str) -> Result<Output> {
    let function = liar.open(name, &json!({ "model": "mock" }))?;
    function.evaluate(&[ints(0..100)])
}

#[test]
fn every_lie_is_caught() {
    let outcomes: HashMap<_, _> = OUTCOMES.iter().copied().collect();
    let mut limits = small();
    // A busy machine takes its time over a million of something.
    limits.call_time = Duration::from_millis(600);
    let session = session(limits);
    let liar = Plugin::from_bytes(&session, "liar", LIAR.bytes).unwrap();
    let add_one = open(&session, "add_one");
    assert_eq!(liar.signatures().len(), OUTCOMES.len());
    for signature in liar.signatures() {
        let name = signature.name.as_str();
        let result = lie(&liar, name);
        let said = match &result {
            Ok(output) => match output.failures.first() {
                None => format!("{:?}", output.values.slice(99, 1)),
                Some(failure) => failure.message.clone(),
            },
            Err(error) => error.to_string(),
        };
        let outcome = outcomes.get(name);
        let caught = match (outcome.unwrap_or_else(|| panic!("{name}: {said}")), &result) {
            (Values, Ok(output)) => output.failures.is_empty() && output.values.null_count() == 0,
            (Says(text), Ok(output)) => {
                output.failures.is_empty()
                    && output.values.null_count() == 0
                    && output
                        .values
                        .as_string::<i32>()
                        .iter()
                        .flatten()
                        .all(|said| said.contains(text))
            }
            (Refused(kind), Err(error)) => {
                assert_tame(&error.to_string());
                assert_eq!(error.function(), Some(name));
                assert_eq!(error.plugin(), Some("liar"));
                error.kind() == *kind
            }
            (Fails(kind), Ok(output)) => {
                output.failures.iter().for_each(|f| assert_tame(&f.message));
                assert!(output.failures.is_sorted_by_key(|f| f.row), "{name}");
                for failure in &output.failures {
                    assert!(output.values.is_null(failure.row), "{name}");
                    assert!(!failure.message.is_empty(), "{name}");
                }
                output.failures.first().is_some_and(|f| f.kind == *kind)
            }
            (Slow(text), Ok(output)) => {
                let said = output.values.as_string::<i32>();
                let said = said.iter().flatten().filter(|said| said == text);
                let mut kinds = output.failures.iter().map(|f| f.kind);
                kinds.all(|kind| matches!(kind, Timeout | NotTried))
                    && said.count() + output.failures.len() == 100
            }
            _ => false,
        };
        assert!(caught, "{name}: {outcome:?} was due, not {said}");
        // Nobody else suffers.
        assert_eq!(
            to_ints(&add_one.call(&[ints(0..5)]).unwrap()),
            [1, 2, 3, 4, 5]
        );
    }
}

#[test]
fn lies_on_many_threads_hurt_nobody() {
    let session = session(small());
    let liar = Plugin::from_bytes(&session, "liar", LIAR.bytes).unwrap();
    let add_one = open(&session, "add_one");
    std::thread::scope(|scope| {
        for name in [
            "traps",
            "offsets_huge",
            "tensor_flood",
            "output_huge",
            "tensor_short",
        ] {
            let liar = &liar;
            scope.spawn(move || {
                for _ in 0..3 {
                    let output = lie(liar, name);
                    let honest = |o: Output| o.failures.is_empty();
                    assert_eq!(output.is_ok_and(honest), name == "tensor_short", "{name}");
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let values = add_one.call(&[ints(0..1_000)]).unwrap();
                    assert_eq!(to_ints(&values), (1..1_001).collect::<Vec<_>>());
                }
            });
        }
    });
}

/// A message says at most so much, whatever the plugin says.
#[test]
fn failures_are_cut() {
    let session = session(small());
    let liar = Plugin::from_bytes(&session, "liar", LIAR.bytes).unwrap();
    let output = lie(&liar, "failures_all_large").unwrap();
    assert_eq!(output.failures.len(), 100);
    for failure in output.failures {
        assert!((1_000..=2_010).contains(&failure.message.len()));
    }
}

#[test]
fn models_from_bytes_where_they_are_allowed() {
    let mut limits = small();
    limits.load_models = true;
    let session = session(limits);
    let liar = Plugin::from_bytes(&session, "liar", LIAR.bytes).unwrap();
    let said = |name: &str| {
        let output = lie(&liar, name).unwrap();
        output.values.as_string::<i32>().value(0).to_owned()
    };
    assert_eq!(said("model_from_bytes"), "GOT a graph");
    let no_part = said("model_from_no_bytes");
    assert!(no_part.contains("a model is one part"), "{no_part}");
}

/// Once it is clear that all rows hang the rest is not tried: a batch takes as
/// long as a few calls, not as one for each row.
#[test]
fn rows_that_all_hang_end_soon() {
    let session = session(small());
    let spins = open(&session, "spins");
    let output = spins.evaluate(&[ints([13; 2_000])]).unwrap();
    assert_eq!(output.failures.len(), 2_000);
    let of = |kind| output.failures.iter().filter(|f| f.kind == kind).count();
    let stopped = of(Timeout);
    assert_eq!(stopped + of(NotTried), 2_000);
    // Four calls' time of each thread, and what the others were at by then.
    let threads = session.threads();
    assert!((1..=5 * threads).contains(&stopped), "{stopped}");
    assert!(output.failures[1_999].message.contains("not tried"));
    // The next batch begins afresh.
    assert_eq!(to_ints(&spins.call(&[ints([1, 2])]).unwrap()), [1, 2]);
}

#[test]
fn nobody_sleeps_in_the_host() {
    let session = session(small());
    let sleeps = open(&session, "sleeps");
    // Time stands still, so whoever sleeps either wakes at once or runs out of
    // the time it has; an hour it never takes.
    let output = sleeps.evaluate(&[ints([1, 13, 2])]).unwrap();
    match output.failures.as_slice() {
        [] => assert_eq!(to_ints(&output.values), [1, 13, 2]),
        [failure] => assert_eq!((failure.row, failure.kind), (1, Timeout)),
        more => panic!("{more:?}"),
    }
}

#[test]
fn idle_instances_make_room_for_others() {
    let session = session(small());
    let kit = kit(&session);
    // More than there are instances.
    let held: Vec<_> = (0..1_500)
        .map(|_| kit.open("add_one", &json!({})).unwrap())
        .collect();
    let evicted = |function: &Function| function.stats().instances_evicted;
    assert!(held.iter().map(evicted).sum::<u64>() >= 500);
    for function in held.iter().rev() {
        assert_eq!(to_ints(&function.call(&[ints([1])]).unwrap()), [2]);
    }
    let other = Plugin::from_bytes(&session, "kit", KIT.bytes).unwrap();
    let other = other.open("add_one", &json!({})).unwrap();
    assert_eq!(to_ints(&other.call(&[ints([1])]).unwrap()), [2]);
}

/// A crash takes the instance with it, so that a row is judged by what it does itself.
#[test]
fn a_row_is_not_at_fault_for_what_rows_before_it_left() {
    let session = builder().limits(small()).threads(1).build().unwrap();
    let hoards = open(&session, "hoards");
    for _ in 0..2 {
        // Each row keeps 10 MiB of 64, for ever.
        let output = hoards.evaluate(&[ints([10 << 20; 20])]).unwrap();
        assert!(output.failures.is_empty(), "{:?}", output.failures[0]);
        // In calls of their own, as large pictures are.
        for _ in 0..10 {
            let output = hoards.evaluate(&[ints([10 << 20])]).unwrap();
            assert!(output.failures.is_empty(), "{:?}", output.failures[0]);
        }
    }
}

/// A batch is bounded as its calls are.
#[test]
fn a_batch_may_not_return_without_end() {
    let mut limits = small();
    limits.batch_output = 32 << 20;
    let session = session(limits);
    let big = open(&session, "big_output");
    let output = big.evaluate(&[ints([1 << 20; 500])]).unwrap();
    let values = 500 - output.failures.len();
    assert!((16..=32).contains(&values), "{values} values");
    assert!(output.failures.iter().all(|f| f.kind == Memory));
    // The next has a budget of its own.
    assert_eq!(big.call(&[ints([1 << 20; 20])]).unwrap().len(), 20);
}

/// A function with a cost to each call, whatever its rows, is not called row by row.
#[test]
fn a_cost_for_each_call_is_noticed() {
    let session = builder().limits(small()).threads(1).build().unwrap();
    let slow = open(&session, "slow_calls");
    for _ in 0..3 {
        assert_eq!(slow.call(&[ints(0..1_000)]).unwrap().len(), 1_000);
    }
    assert!(slow.stats().calls <= 40, "{} calls", slow.stats().calls);
}

#[test]
fn a_call_can_be_cancelled() {
    let mut limits = small();
    limits.call_time = Duration::from_secs(60);
    let session = session(limits);
    let spins = open(&session, "spins");
    // One chunk, and many.
    for rows in [1, 2_000] {
        let token = CancellationToken::new();
        let options = CallOptions::new().cancel(token.clone());
        let started = Instant::now();
        std::thread::scope(|scope| {
            let call = scope.spawn(|| spins.evaluate_with(&[ints(vec![13; rows])], &options));
            std::thread::sleep(Duration::from_millis(100));
            token.cancel();
            assert_eq!(call.join().unwrap().unwrap_err().kind(), Cancelled);
        });
        // Not the 60 s that a call may take.
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(spins.evaluate_with(&[ints([1])], &options).is_err());
    }
    let soon = CallOptions::new().deadline(Instant::now() + Duration::from_millis(50));
    let late = spins.evaluate_with(&[ints([13])], &soon).unwrap_err();
    assert_eq!(late.kind(), Cancelled, "{late}");
    assert!(late.to_string().contains("deadline"), "{late}");
    // Nothing of it stays with the function.
    assert_eq!(to_ints(&spins.call(&[ints([1, 2])]).unwrap()), [1, 2]);
}
