#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{ScopedJoinHandle, scope, yield_now};

use super::super::{Element, TensorType};
use super::*;

/// The most elements of an input.
const MOST: u64 = 1_000;

/// Doubles `a` and adds `b` where there is one. Each run waits to be let go,
/// and fails or panics when it is told to.
struct Gated {
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    gate: Mutex<Receiver<Go>>,
    began: Sender<usize>,
}

enum Go {
    On,
    Fail,
    Panic,
}

impl Model for Gated {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }
    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }
    fn batch_size(&self) -> usize {
        4
    }
    fn run(&self, inputs: &[(&str, &Tensor)], _: &CallOptions) -> Result<Vec<Tensor>, Error> {
        let of = |name| inputs.iter().find(|i| i.0 == name).map(|i| i.1);
        let a = of("a").unwrap();
        self.began.send(a.dims()[0] as usize).unwrap();
        match lock(&self.gate).recv().unwrap() {
            Go::On => {}
            Go::Fail => return Err(Error::new(ErrorKind::Runtime, "told to fail")),
            Go::Panic => panic!("told to panic"),
        }
        let dims = a.dims().to_vec();
        let doubled = match a.ty() {
            TensorType::U8 => a.data().iter().map(|v| v * 2).collect::<Vec<u8>>(),
            _ => {
                let b = of("b").map(|b| b.values::<i64>().unwrap());
                let a = a.values::<i64>()?;
                let sum = |(i, v)| v * 2 + b.as_ref().map_or(0, |b| b[i]);
                let sums: Vec<i64> = a.iter().enumerate().map(sum).collect();
                return Ok(vec![Tensor::from_values(dims, &sums)?]);
            }
        };
        Ok(vec![Tensor::from_values(dims, &doubled)?])
    }
}

/// A batcher, what lets its runs go, and what hears of each.
fn gated(names: &[&str], ty: TensorType) -> (Batcher, Sender<Go>, Receiver<usize>) {
    let (go, gate) = channel();
    let (began, runs) = channel();
    let spec = |name: &&str| TensorSpec::new(*name, ty, Some(vec![None, None]));
    let model = Gated {
        inputs: names.iter().map(spec).collect(),
        outputs: vec![TensorSpec::new("out", ty, None)],
        gate: Mutex::new(gate),
        began,
    };
    let batcher = Batcher::new(Arc::new(model), MOST);
    // As after a joint run that was like single ones.
    batcher.joining.store(PROVEN, Ordering::Relaxed);
    (batcher, go, runs)
}

fn row<T: Element>(name: &str, values: &[T]) -> (String, Tensor) {
    let width = u32::try_from(values.len()).unwrap();
    let tensor = Tensor::from_values(vec![1, width], values).unwrap();
    (name.to_owned(), tensor)
}

fn wait_for(batcher: &Batcher, waiting: usize) {
    let there = || {
        let queue = lock(&batcher.queue);
        let groups = queue.waiting.iter();
        groups
            .map(|w| lock(&w.group.filling).requests.len())
            .sum::<usize>()
    };
    while there() != waiting {
        yield_now();
    }
}

fn first<T: Element>(
    thread: ScopedJoinHandle<'_, Result<Vec<Tensor>, Error>>,
) -> Result<Vec<T>, Error> {
    let outputs = thread.join().unwrap()?;
    Ok(outputs[0].values::<T>().unwrap().into_owned())
}

#[test]
fn who_waits_is_joined_and_gets_its_own() {
    let (batcher, go, runs) = gated(&["a"], TensorType::U8);
    scope(|scope| {
        let run = |n: u8| {
            let batcher = &batcher;
            scope.spawn(move || {
                batcher.run(
                    vec![row("", &[n, n + 1])],
                    None,
                    &CallOptions::default(),
                    &mut Seen::default(),
                )
            })
        };
        let lone = run(1);
        assert_eq!(runs.recv().unwrap(), 1);
        let others: Vec<_> = (0..6).map(|n| run(n * 10)).collect();
        wait_for(&batcher, 6);
        // Four are a batch; the rest follows.
        for rows in [4, 2] {
            go.send(Go::On).unwrap();
            assert_eq!(runs.recv().unwrap(), rows);
        }
        go.send(Go::On).unwrap();
        assert_eq!(first::<u8>(lone).unwrap(), [2, 4]);
        for (n, other) in (0..6).zip(others) {
            assert_eq!(first::<u8>(other).unwrap(), [n * 20, n * 20 + 2]);
        }
    });
    assert_eq!(lock(&batcher.queue).running, 0);
}

#[test]
fn inputs_are_joined_by_name_and_shape() {
    let (batcher, go, runs) = gated(&["a", "b"], TensorType::I64);
    scope(|scope| {
        let run = |inputs| {
            let batcher = &batcher;
            let thread = scope.spawn(move || {
                batcher.run(inputs, None, &CallOptions::default(), &mut Seen::default())
            });
            (thread, batcher)
        };
        let (lone, _) = run(vec![row("a", &[1_i64]), row("b", &[100_i64])]);
        assert_eq!(runs.recv().unwrap(), 1);
        let (one, _) = run(vec![row("a", &[2_i64]), row("b", &[200_i64])]);
        wait_for(&batcher, 1);
        let (other_order, _) = run(vec![row("b", &[300_i64]), row("a", &[3_i64])]);
        wait_for(&batcher, 2);
        let (wide, _) = run(vec![row("a", &[4_i64, 5]), row("b", &[0_i64, 1])]);
        wait_for(&batcher, 3);
        for rows in [2, 1] {
            go.send(Go::On).unwrap();
            assert_eq!(runs.recv().unwrap(), rows);
        }
        go.send(Go::On).unwrap();
        assert_eq!(first::<i64>(lone).unwrap(), [102]);
        assert_eq!(first::<i64>(one).unwrap(), [204]);
        assert_eq!(first::<i64>(other_order).unwrap(), [306]);
        assert_eq!(first::<i64>(wide).unwrap(), [8, 11]);
    });
}

#[test]
fn who_is_out_of_time_leaves_the_queue() {
    let (batcher, go, runs) = gated(&["a"], TensorType::I64);
    scope(|scope| {
        let run = |deadline| {
            let batcher = &batcher;
            scope.spawn(move || {
                batcher.run(
                    vec![row("a", &[7_i64])],
                    deadline,
                    &CallOptions::default(),
                    &mut Seen::default(),
                )
            })
        };
        let lone = run(None);
        assert_eq!(runs.recv().unwrap(), 1);
        let hurried = run(Some(Instant::now() + Duration::from_millis(20)));
        // The first run has not ended when the second's time has.
        let error = first::<i64>(hurried).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        wait_for(&batcher, 0);
        go.send(Go::On).unwrap();
        assert_eq!(first::<i64>(lone).unwrap(), [14]);
    });
    assert_eq!(lock(&batcher.queue).running, 0);
    assert!(runs.try_recv().is_err());
}

/// Its rows had been put with the others' already.
#[test]
fn who_leaves_a_batch_takes_its_rows_along() {
    let (batcher, go, runs) = gated(&["a"], TensorType::I64);
    scope(|scope| {
        let run = |n: i64, deadline| {
            let batcher = &batcher;
            scope.spawn(move || {
                batcher.run(
                    vec![row("a", &[n, n + 1])],
                    deadline,
                    &CallOptions::default(),
                    &mut Seen::default(),
                )
            })
        };
        let lone = run(1, None);
        assert_eq!(runs.recv().unwrap(), 1);
        let mut others = vec![run(10, None)];
        wait_for(&batcher, 1);
        let hurried = run(20, Some(Instant::now() + Duration::from_millis(20)));
        others.push(run(30, None));
        let error = first::<i64>(hurried).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        wait_for(&batcher, 2);
        // Its place is free again.
        others.push(run(40, None));
        others.push(run(50, None));
        wait_for(&batcher, 4);
        go.send(Go::On).unwrap();
        assert_eq!(runs.recv().unwrap(), 4);
        go.send(Go::On).unwrap();
        assert_eq!(first::<i64>(lone).unwrap(), [2, 4]);
        for (n, other) in [10, 30, 40, 50].into_iter().zip(others) {
            assert_eq!(first::<i64>(other).unwrap(), [n * 2, n * 2 + 2]);
        }
    });
    assert_eq!(lock(&batcher.queue).running, 0);
}

#[test]
fn a_crash_costs_only_whose_row_it_was() {
    for trouble in [|| Go::Panic, || Go::Fail] {
        let (batcher, go, runs) = gated(&["a"], TensorType::I64);
        scope(|scope| {
            let run = |n: i64| {
                let batcher = &batcher;
                scope.spawn(move || {
                    batcher.run(
                        vec![row("a", &[n])],
                        None,
                        &CallOptions::default(),
                        &mut Seen::default(),
                    )
                })
            };
            let lone = run(1);
            assert_eq!(runs.recv().unwrap(), 1);
            let leader = run(2);
            wait_for(&batcher, 1);
            let others = [run(3), run(4)];
            wait_for(&batcher, 3);
            // The lone one fails; so do the three together, and of them each
            // alone, whose turn comes last of all, the leader.
            for step in [trouble(), trouble(), Go::On, Go::On, trouble()] {
                go.send(step).unwrap();
            }
            assert_eq!(first::<i64>(lone).unwrap_err().kind(), ErrorKind::Runtime);
            assert_eq!(first::<i64>(leader).unwrap_err().kind(), ErrorKind::Runtime);
            let others: Vec<_> = others.map(|o| first::<i64>(o).unwrap()[0]).to_vec();
            assert_eq!(others, [6, 8]);
            assert_eq!(runs.try_iter().collect::<Vec<_>>(), [3, 1, 1, 1]);
        });
        assert_eq!(lock(&batcher.queue).running, 0);
    }
}

/// Takes the mean over the first dimension from each value, or doubles it.
struct Rows {
    mixes: bool,
    specs: [Vec<TensorSpec>; 2],
    concurrency: usize,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Rows {
    fn new(mixes: bool, concurrency: usize) -> Self {
        let spec = |name| {
            vec![TensorSpec::new(
                name,
                TensorType::F32,
                Some(vec![None, Some(2)]),
            )]
        };
        Self {
            mixes,
            specs: [spec("in"), spec("out")],
            concurrency,
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }
    }

    fn compute(&self, values: &[f32]) -> Vec<f32> {
        #[allow(clippy::cast_precision_loss)]
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let value = |v: &f32| if self.mixes { v - mean } else { v * 2.0 };
        values.iter().map(value).collect()
    }
}

impl Model for Rows {
    fn inputs(&self) -> &[TensorSpec] {
        &self.specs[0]
    }
    fn outputs(&self) -> &[TensorSpec] {
        &self.specs[1]
    }
    fn batch_size(&self) -> usize {
        8
    }
    fn concurrency(&self) -> usize {
        self.concurrency
    }
    fn run(&self, inputs: &[(&str, &Tensor)], _: &CallOptions) -> Result<Vec<Tensor>, Error> {
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2));
        let input = inputs[0].1;
        let values = self.compute(&input.values::<f32>()?);
        self.running.fetch_sub(1, Ordering::SeqCst);
        Ok(vec![Tensor::from_values(input.dims().to_vec(), &values)?])
    }
}

/// Runs requests of many callers, each of other values, and checks each against a model
/// that runs alone; gives what was learned.
fn many(mixes: bool, equal: bool) -> u8 {
    let batcher = Batcher::new(Arc::new(Rows::new(mixes, 1)), MOST);
    let alone = Rows::new(mixes, 1);
    scope(|scope| {
        for caller in 0..8_u8 {
            let (batcher, alone) = (&batcher, &alone);
            scope.spawn(move || {
                for n in 0..20_u8 {
                    let (caller, n) = if equal { (0, 0) } else { (caller, n) };
                    // No two have the same mean.
                    let values = [f32::from(caller), f32::from(n) * 8.0 + 1.0];
                    let inputs = vec![row("in", &values)];
                    let outputs =
                        batcher.run(inputs, None, &CallOptions::default(), &mut Seen::default());
                    let found = outputs.unwrap()[0].values::<f32>().unwrap().into_owned();
                    assert_eq!(found, alone.compute(&values));
                }
            });
        }
    });
    batcher.joining.load(Ordering::Relaxed)
}

/// The first rows that are joined have the same mean, as by chance.
#[test]
fn one_joint_run_proves_nothing() {
    let model = Rows::new(true, 1);
    let batcher = Batcher::new(Arc::new(Rows::new(true, 1)), MOST);
    let learn = |rows: &[[f32; 2]]| {
        let inputs: Vec<_> = rows.iter().map(|r| vec![row("in", r)]).collect();
        let all: Vec<_> = rows.iter().flatten().copied().collect();
        let tensors = |values: &[f32]| -> Vec<Tensor> {
            let parts = values.chunks(2);
            parts
                .map(|v| Tensor::from_values(vec![1, 2], v).unwrap())
                .collect()
        };
        let together = tensors(&model.compute(&all));
        let together: Vec<_> = together.into_iter().map(|t| vec![t]).collect();
        let alone = rows.iter().map(|r| Ok(tensors(&model.compute(r))));
        let inputs: Vec<_> = inputs.iter().collect();
        batcher.learn(&inputs, &together, &alone.collect::<Vec<_>>());
        batcher.joining.load(Ordering::Relaxed)
    };
    let equal = [[1.0, 3.0], [0.0, 4.0]];
    assert!(learn(&equal) < PROVEN);
    assert_eq!(learn(&[[1.0, 3.0], [0.0, 9.0]]), APART);
    for _ in 0..PROVEN {
        assert_eq!(learn(&equal), APART, "what is known of a model stays");
    }
}

#[test]
fn rows_are_joined_only_if_that_changes_nothing() {
    assert_eq!(many(false, false), PROVEN);
    assert_eq!(many(true, false), APART);
    // The mean over equal rows is that of each, so nothing is learned from them.
    assert_eq!(many(true, true), UNTRIED);
}

#[test]
fn a_model_runs_as_often_at_once_as_it_may() {
    for concurrency in [1, 3] {
        let model = Arc::new(Rows::new(false, concurrency));
        let batcher = Batcher::new(model.clone(), MOST);
        scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    for n in 0..20_u8 {
                        let inputs = vec![row("in", &[f32::from(n), 1.0])];
                        batcher
                            .run(inputs, None, &CallOptions::default(), &mut Seen::default())
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(model.most.load(Ordering::SeqCst), concurrency);
        assert_eq!(lock(&batcher.queue).running, 0);
    }
}

#[test]
fn who_is_cancelled_leaves_the_queue_at_once() {
    let (batcher, go, runs) = gated(&["a"], TensorType::I64);
    let token = crate::CancellationToken::new();
    let options = CallOptions::new().cancel(token.clone());
    scope(|scope| {
        let lone = scope.spawn(|| {
            batcher.run(
                vec![row("a", &[1_i64])],
                None,
                &CallOptions::default(),
                &mut Seen::default(),
            )
        });
        assert_eq!(runs.recv().unwrap(), 1);
        let waits = scope.spawn(|| {
            batcher.run(
                vec![row("a", &[2_i64])],
                None,
                &options,
                &mut Seen::default(),
            )
        });
        wait_for(&batcher, 1);
        token.cancel();
        let cancelled = Instant::now();
        assert_eq!(
            waits.join().unwrap().unwrap_err().kind(),
            ErrorKind::Timeout
        );
        assert!(cancelled.elapsed() < Duration::from_secs(5));
        go.send(Go::On).unwrap();
        assert_eq!(first::<i64>(lone).unwrap(), [2]);
    });
    assert_eq!(lock(&batcher.queue).running, 0);
}

#[test]
fn inputs_of_open_shape_are_bounded() {
    let (batcher, go, runs) = gated(&["a"], TensorType::I64);
    let run = |elements: u32| {
        let values = vec![1_i64; elements as usize];
        let tensor = Tensor::from_values(vec![1, elements], &values).unwrap();
        batcher.run(
            vec![("a".into(), tensor)],
            None,
            &CallOptions::new(),
            &mut Seen::default(),
        )
    };
    go.send(Go::On).unwrap();
    run(1_000).unwrap();
    let error = run(1_001).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("max_elements"), "{error}");
    assert_eq!(runs.try_iter().count(), 1);
}
