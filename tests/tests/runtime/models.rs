//! Models: loaded once, run in batches, and what comes of those that fail.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef, ListArray};
use serde_json::{Value, json};
use wudf::nn::ModelSpec;
use wudf::{Error, ErrorKind, Limits, Output, Session};
use wudf_tests::host::{assert_tame, builder, kit, open_with, small};
use wudf_tests::mock::Mock;

/// A session with the models `name: behaviour`, each of this batch size.
fn session(mock: &Mock, threads: usize, batch: usize, models: &[(&str, &str)]) -> Session {
    let mut limits = small();
    limits.call_time = Duration::from_secs(60);
    limited(limits, mock, threads, batch, models)
}

fn limited(
    limits: Limits,
    mock: &Mock,
    threads: usize,
    batch: usize,
    models: &[(&str, &str)],
) -> Session {
    let builder = builder()
        .limits(limits)
        .threads(threads)
        .backend(Arc::new(mock.clone()));
    let specs = models
        .iter()
        .map(|(name, words)| ModelSpec::new(*name, *words).batch_size(batch));
    specs
        .fold(builder, wudf::SessionBuilder::model)
        .build()
        .unwrap()
}

/// Rows of two numbers: the row's own, and a half more.
fn rows(numbers: impl IntoIterator<Item = u16>) -> [ArrayRef; 1] {
    let lists = numbers
        .into_iter()
        .map(|n| Some([0.0, 0.5].map(|half| Some(f32::from(n) + half))));
    [Arc::new(
        ListArray::from_iter_primitive::<Float32Type, _, _>(lists),
    )]
}

/// Each row's values; none where there is no value.
fn values(output: &Output) -> Vec<Vec<f32>> {
    let lists = output.values.as_list::<i32>().iter();
    lists
        .map(|l| {
            l.map_or_else(Vec::new, |l| {
                l.as_primitive::<Float32Type>().values().to_vec()
            })
        })
        .collect()
}

/// What the model `double` makes of [`rows`].
fn doubled(numbers: impl IntoIterator<Item = u16>) -> Vec<Vec<f32>> {
    numbers
        .into_iter()
        .map(|n| vec![f32::from(n) * 2.0, f32::from(n) * 2.0 + 1.0])
        .collect()
}

fn refused(session: &Session, options: &Value) -> Error {
    let error = kit(session).open("infer", options).unwrap_err();
    assert_tame(&error.to_string());
    error
}

#[test]
fn a_model_is_loaded_once() {
    let mock = Mock::default();
    let session = session(&mock, 2, 1, &[("m", "load-takes=50"), ("n", "")]);
    let kit = kit(&session);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (kit, rows) = (&kit, rows(n..n + 3));
            scope.spawn(move || {
                let infer = kit.open("infer", &json!({"model": "m"})).unwrap();
                assert_eq!(infer.signature().models, ["m"]);
                assert_eq!(values(&infer.evaluate(&rows).unwrap()), doubled(n..n + 3));
            });
        }
    });
    assert_eq!(mock.loads(), 1);
    session.load_model("n").unwrap();
    assert_eq!(mock.loads(), 2);
    open_with(&session, "infer", &json!({"model": "n"}));
    assert_eq!(mock.loads(), 2);
}

#[test]
fn rows_of_many_instances_make_a_batch() {
    let mock = Mock::default();
    let session = session(&mock, 2, 8, &[("m", "takes=5")]);
    let infer = open_with(&session, "infer", &json!({"model": "m"}));
    for _ in 0..3 {
        let output = infer.evaluate(&rows(0..200)).unwrap();
        assert!(output.failures.is_empty(), "{:?}", output.failures[0]);
        assert_eq!(values(&output), doubled(0..200));
    }
    let runs = mock.runs();
    // The first three runs of joined rows are repeated one by one.
    assert!(
        (600..=624).contains(&runs.iter().sum::<usize>()),
        "{runs:?}"
    );
    assert!(runs.iter().all(|rows| *rows <= 8), "{runs:?}");
    assert!(runs.iter().any(|rows| *rows > 1), "{runs:?}");
    // What runs batches runs one at a time.
    assert_eq!(mock.most_running(), 1);
    assert!(infer.stats().model >= Duration::from_millis(5));
}

#[test]
fn rows_of_many_callers_make_a_batch() {
    let mock = Mock::default();
    let session = session(&mock, 1, 4, &[("m", "takes=5")]);
    let infer = open_with(&session, "infer", &json!({"model": "m"}));
    let start = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (infer, start) = (&infer, &start);
            scope.spawn(move || {
                start.wait();
                for turn in 0..10 {
                    let n = n * 100 + turn;
                    assert_eq!(values(&infer.evaluate(&rows([n])).unwrap()), doubled([n]));
                }
            });
        }
    });
    let runs = mock.runs();
    assert!((80..=92).contains(&runs.iter().sum::<usize>()), "{runs:?}");
    assert!(
        runs.iter().all(|rows| *rows <= 4) && runs.iter().any(|rows| *rows > 1),
        "{runs:?}"
    );
    assert_eq!(mock.most_running(), 1);
}

#[test]
fn a_lone_row_is_run_alone() {
    let mock = Mock::default();
    let session = session(&mock, 2, 8, &[("m", "")]);
    let infer = open_with(&session, "infer", &json!({"model": "m"}));
    assert_eq!(values(&infer.evaluate(&rows([7])).unwrap()), doubled([7]));
    assert_eq!(mock.runs(), [1]);
}

/// Inputs that cannot stand with others wait their turn all the same.
#[test]
fn what_cannot_be_joined_runs_in_turn() {
    let many: Vec<u16> = (0..40).collect();
    // More rows than a batch has; a first dimension that is fixed; outputs that
    // are not rows.
    for (behaviour, dims) in [
        ("takes=2", json!([2, 1])),
        ("takes=2 fixed", json!([])),
        ("takes=2 odd", json!([])),
    ] {
        let mock = Mock::default();
        let session = session(&mock, 4, 2, &[("m", behaviour)]);
        let infer = open_with(&session, "infer", &json!({"model": "m", "dims": dims}));
        let outputs: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| infer.evaluate(&rows(many.iter().copied())).unwrap()))
                .collect();
            all.into_iter().map(|t| t.join().unwrap()).collect()
        });
        for output in outputs {
            assert!(
                output.failures.is_empty(),
                "{behaviour}: {:?}",
                output.failures[0]
            );
            assert_eq!(
                values(&output),
                doubled(many.iter().copied()),
                "{behaviour}"
            );
        }
        assert_eq!(mock.most_running(), 1, "{behaviour}");
    }
}

#[test]
fn inline_models_run_many_at_once() {
    let mock = Mock::default();
    let session = session(&mock, 1, 1, &[("m", "takes=200")]);
    let infer = open_with(&session, "infer", &json!({"model": "m"}));
    let start = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (infer, start) = (&infer, &start);
            scope.spawn(move || {
                start.wait();
                assert_eq!(values(&infer.evaluate(&rows([n])).unwrap()), doubled([n]));
            });
        }
    });
    assert!(mock.most_running() > 1);
    assert_eq!(mock.runs(), [1; 4]);
}

#[test]
fn a_row_that_fails_its_batch_fails_alone() {
    for (behaviour, words) in [
        ("fails=13 takes=2", "the mock fails"),
        ("panics=13 takes=2", "the backend crashed"),
    ] {
        for batch in [1, 8] {
            let mock = Mock::default();
            let session = session(&mock, 2, batch, &[("m", behaviour)]);
            let infer = open_with(&session, "infer", &json!({"model": "m"}));
            for _ in 0..5 {
                let output = infer.evaluate(&rows(0..60)).unwrap();
                let [failure] = output.failures.as_slice() else {
                    panic!("{:?}", output.failures)
                };
                assert_eq!(
                    (failure.row, failure.kind),
                    (13, ErrorKind::Model),
                    "{}",
                    failure.message
                );
                assert!(failure.message.contains(words), "{}", failure.message);
                assert!(failure.message.contains("`m`"), "{}", failure.message);
                assert_tame(&failure.message);
                let mut wanted = doubled(0..60);
                wanted[13].clear();
                assert_eq!(values(&output), wanted);
            }
        }
    }
}

#[test]
fn a_run_that_takes_too_long_is_ended() {
    // By the backend at the deadline, or by the host when the backend is back.
    for behaviour in ["hangs=13", "hangs=13 late"] {
        let mock = Mock::default();
        let session = limited(small(), &mock, 1, 1, &[("m", behaviour)]);
        let infer = open_with(&session, "infer", &json!({"model": "m"}));
        let output = infer.evaluate(&rows(10..16)).unwrap();
        let failed: Vec<_> = output.failures.iter().map(|f| (f.row, f.kind)).collect();
        assert_eq!(failed, [(3, ErrorKind::Timeout)], "{:?}", output.failures);
        assert_eq!(output.values.null_count(), 1);
    }
    let mock = Mock::default();
    let session = limited(small(), &mock, 1, 1, &[("m", "takes=400 late")]);
    let infer = open_with(&session, "infer", &json!({"model": "m"}));
    let error = infer.call(&rows([1])).unwrap_err();
    assert_eq!(
        (error.kind(), error.row()),
        (ErrorKind::Timeout, Some(0)),
        "{error}"
    );
}

/// A slow run before theirs costs those who wait their time, not more.
#[test]
fn waiting_ends_at_the_deadline() {
    let mock = Mock::default();
    let session = limited(small(), &mock, 1, 2, &[("m", "takes=250")]);
    let infer = open_with(&session, "infer", &json!({"model": "m"}));
    let start = std::sync::Barrier::new(30);
    let kinds: Vec<_> = std::thread::scope(|scope| {
        let (infer, start) = (&infer, &start);
        let all: Vec<_> = (0..30)
            .map(|n| {
                scope.spawn(move || {
                    start.wait();
                    let output = infer.evaluate(&rows([n])).unwrap();
                    match output.failures.first() {
                        None => {
                            assert_eq!(values(&output), doubled([n]));
                            None
                        }
                        Some(failure) => Some(failure.kind),
                    }
                })
            })
            .collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    // Runs of 250 ms do not give thirty rows an answer within 300 ms each.
    assert!(kinds.contains(&Some(ErrorKind::Timeout)), "{kinds:?}");
    assert!(
        kinds.iter().flatten().all(|k| *k == ErrorKind::Timeout),
        "{kinds:?}"
    );
    // Who gave up waiting was not run.
    assert!(mock.runs().iter().sum::<usize>() < 30, "{:?}", mock.runs());
    // And nobody is left behind: the model runs on.
    assert_eq!(values(&infer.evaluate(&rows([5])).unwrap()), doubled([5]));
}

#[test]
fn wrong_inputs_are_the_rows_trouble() {
    let mock = Mock::default();
    let models = [
        ("m", ""),
        ("wide", "wide=4"),
        ("bytes", "u8"),
        ("whole", "i64"),
        ("one", "fixed"),
    ];
    for batch in [1, 8] {
        let session = session(&mock, 2, batch, &models);
        let said = |options: Value| {
            let output = open_with(&session, "infer", &options)
                .evaluate(&rows([1, 2]))
                .unwrap();
            let failed: Vec<_> = output.failures.iter().map(|f| (f.row, f.kind)).collect();
            assert_eq!(
                failed,
                [(0, ErrorKind::Model), (1, ErrorKind::Model)],
                "{options}"
            );
            output.failures[0].message.clone()
        };
        let contains = |options: Value, words: &[&str]| {
            let said = said(options);
            assert!(words.iter().all(|w| said.contains(w)), "{said}");
        };
        contains(
            json!({"model": "wide"}),
            &["`wide`", "`x`", "[?, 4]", "[1, 2]"],
        );
        contains(
            json!({"model": "m", "dims": [2]}),
            &["`x`", "[?, ?]", "[2]"],
        );
        contains(json!({"model": "m", "dims": [3, 1]}), &["12 bytes", "8"]);
        contains(
            json!({"model": "m", "dims": [4_294_967_295_u32, 4_294_967_295_u32, 4]}),
            &["8"],
        );
        contains(
            json!({"model": "one", "dims": [2, 1]}),
            &["[1, ?]", "[2, 1]"],
        );
        contains(
            json!({"model": "m", "input": "y\u{1b}"}),
            &["the model takes x"],
        );
        contains(json!({"model": "bytes"}), &["u8", "f32"]);
        contains(json!({"model": "whole"}), &["i64", "f32"]);
    }
    assert_eq!(mock.runs(), [0; 0], "none of it reached the backend");
}

#[test]
fn outputs_are_chosen_by_name() {
    let mock = Mock::default();
    let builder = builder()
        .limits(small())
        .threads(1)
        .backend(Arc::new(mock.clone()));
    let session = builder
        .model(ModelSpec::new("m", ""))
        .model(ModelSpec::new("sums", "").outputs(["sum"]))
        .build()
        .unwrap();
    let first = |options: Value| {
        values(
            &open_with(&session, "infer", &options)
                .evaluate(&rows([3]))
                .unwrap(),
        )
    };
    assert_eq!(first(json!({"model": "m"})), [[6.0, 7.0]]);
    assert_eq!(first(json!({"model": "m", "outputs": ["sum"]})), [[6.5]]);
    assert_eq!(
        first(json!({"model": "m", "outputs": ["sum", "double"]})),
        [[6.5]]
    );
    assert_eq!(
        first(json!({"model": "m", "outputs": ["double", "sum"], "input": "x"})),
        [[6.0, 7.0]]
    );
    assert_eq!(first(json!({"model": "sums"})), [[6.5]]);
    // Each choice once.
    assert_eq!(first(json!({"model": "m", "outputs": ["sum"]})), [[6.5]]);
    let wanted: [&[&str]; 5] = [
        &[],
        &["sum"],
        &["sum", "double"],
        &["double", "sum"],
        &["sum"],
    ];
    assert_eq!(mock.outputs(), wanted);
    let error = refused(
        &session,
        &json!({"model": "m", "outputs": ["sum", "product"]}),
    );
    assert_eq!(error.kind(), ErrorKind::Model);
    assert!(
        error
            .to_string()
            .contains("no output `product`; there is: double, sum"),
        "{error}"
    );
}

#[test]
fn models_that_cannot_be_had() {
    let mock = Mock::default();
    let builder = || builder().limits(small()).threads(1);
    let session = builder()
        .backend(Arc::new(mock.clone()))
        .model(ModelSpec::new("fails", "load-fails"))
        .model(ModelSpec::new("panics", "load-panics"))
        .model(ModelSpec::new("elsewhere", "").backend("other"))
        .build()
        .unwrap();
    let nothing = builder().model(ModelSpec::new("m", "")).build().unwrap();
    for (session, model, words) in [
        (&session, "nöne\u{1b}", "there is: elsewhere, fails, panics"),
        (&session, "", "there is: elsewhere, fails, panics"),
        (&session, "fails", "model `fails`: "),
        (&session, "panics", "the backend crashed"),
        (
            &session,
            "elsewhere",
            "wants backend `other`; there is: mock",
        ),
        (&nothing, "m", "wants a backend; there is: none"),
        (&nothing, "n", "no model `n` in the catalogue; there is: m"),
    ] {
        let error = refused(session, &json!({"model": model}));
        assert_eq!(error.kind(), ErrorKind::Model, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        let error = session.load_model(model).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    // What could not be loaded is not tried again by each instance.
    assert_eq!(mock.loads(), 2);
}

/// A plugin names outputs as it likes; each choice may be a copy of the model.
#[test]
fn choices_of_outputs_are_bounded() {
    let mock = Mock::default();
    let session = session(&mock, 1, 1, &[("m", "")]);
    let choice = |n: usize| vec!["sum"; n + 1];
    let kit = kit(&session);
    let open = |n| kit.open("infer", &json!({"model": "m", "outputs": choice(n)}));
    let mut held: Vec<_> = (0..32).map(|n| open(n).unwrap()).collect();
    let error = open(32).unwrap_err();
    assert!(error.to_string().contains("in use already"), "{error}");
    held.push(open(31).unwrap());
    assert_eq!(mock.loads(), 32);
    // Those that nobody holds any more make room.
    drop(held);
    open(32).unwrap();
    assert_eq!(mock.loads(), 33);
}
