//! Many more threads than cores, as machines with many cores have them: nothing is lost, nobody waits for ever.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{scope, spawn};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type};
use arrow_array::{Array, ArrayRef, ListArray, StringArray};
use serde_json::json;
use wudf::Limits;
use wudf::nn::ModelSpec;
use wudf_tests::host::{builder, ints, open, open_with, small, to_ints};
use wudf_tests::mock::Mock;

/// Callers, and threads that work on one batch, the caller's own included.
const CROWDS: [(u16, usize); 3] = [(64, 1), (64, 64), (128, 128)];

fn limits() -> Limits {
    let mut limits = small();
    // The machine may be busy: nothing here is to time out.
    limits.call_time = Duration::from_secs(60);
    limits.chunk_rows = 50;
    limits
}

/// Runs it, and fails when it does not end; a hanging test would say nothing.
fn ends(what: impl FnOnce() + Send + 'static) {
    let (done, ended) = channel();
    let runs = spawn(move || {
        what();
        let _ = done.send(());
    });
    // A panic ends it, too: the channel closes then.
    let _ = ended
        .recv_timeout(Duration::from_secs(300))
        .map_err(|error| {
            assert!(
                error != std::sync::mpsc::RecvTimeoutError::Timeout,
                "it hangs"
            )
        });
    if let Err(panic) = runs.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn callers_of_functions() {
    ends(|| {
        for (callers, threads) in CROWDS {
            let host = builder().limits(limits()).threads(threads).build().unwrap();
            let (add_one, parse) = (open(&host, "add_one"), open(&host, "parse_int"));
            scope(|scope| {
                for caller in 0..i64::from(callers) {
                    let (add_one, parse) = (&add_one, &parse);
                    scope.spawn(move || {
                        for turn in 0..5 {
                            let from = caller * 1_000 + turn;
                            let values = add_one.call(&[ints(from..from + 321)]).unwrap();
                            assert_eq!(
                                to_ints(&values),
                                (from + 1..from + 322).collect::<Vec<_>>()
                            );
                            texts(parse, from);
                        }
                    });
                }
            });
            let rows = u64::from(callers) * 5 * 321;
            assert_eq!((add_one.stats().rows, parse.stats().rows), (rows, rows));
        }
    });
}

/// Texts of which every seventh is no number.
fn texts(parse: &wudf::Function, from: i64) {
    let number = |n: i64| (n % 7 != 0).then_some(from + n);
    let texts = (0..321).map(|n| number(n).map_or("none".to_owned(), |n| n.to_string()));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    let output = parse.evaluate(&[texts]).unwrap();
    let values = output.values.as_primitive::<Int64Type>().iter();
    assert!(values.eq((0..321).map(number)));
    assert_eq!(output.failures.len(), 46);
}

#[test]
fn callers_of_a_model() {
    ends(|| {
        for (callers, threads) in CROWDS {
            let mock = Mock::default();
            let host = builder()
                .limits(limits())
                .threads(threads)
                .backend(Arc::new(mock.clone()))
                .model(ModelSpec::new("m", "takes=1").batch_size(16))
                .build()
                .unwrap();
            let infer = open_with(&host, "infer", &json!({"model": "m"}));
            scope(|scope| {
                for caller in 0..callers {
                    let infer = &infer;
                    scope.spawn(move || {
                        for turn in 0..3 {
                            rows(infer, caller * 100 + turn);
                        }
                    });
                }
            });
            assert_eq!(mock.loads(), 1);
            assert!(mock.runs().iter().any(|rows| *rows > 1), "rows are joined");
        }
    });
}

/// Rows of two numbers, which the model doubles.
fn rows(infer: &wudf::Function, from: u16) {
    let numbers = || (from..from + 60).map(f32::from);
    let lists = numbers().map(|n| Some([n, n + 0.5].map(Some)));
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(lists));
    let values = infer.call(&[lists]).unwrap();
    let values = values.as_list::<i32>().values().clone();
    let wanted: Vec<f32> = numbers().flat_map(|n| [n * 2.0, n * 2.0 + 1.0]).collect();
    assert_eq!(values.as_primitive::<Float32Type>().values(), &wanted[..]);
    assert_eq!(values.null_count(), 0);
}
