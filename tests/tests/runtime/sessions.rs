//! Sessions in one runtime: what they share, and what each has for itself.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use arrow_array::{Array, ArrayRef};
use serde_json::{Value, json};
use wudf::nn::ModelSpec;
use wudf::{CallOptions, ErrorKind, Limits, MemoryPool, Plugin, Runtime, Session};
use wudf_fixtures::KIT;
use wudf_tests::host::{builder, ints, kit, open, open_with, runtime, small, to_ints};
use wudf_tests::mock::Mock;

fn session(runtime: &Runtime) -> Session {
    let session = runtime.session().limits(small()).threads(1);
    session.build().unwrap()
}

#[test]
fn what_is_the_same_is_there_once() {
    let mock = Mock::default();
    let runtime = runtime();
    let session = |name: &str| {
        let session = runtime.session().threads(1).backend(Arc::new(mock.clone()));
        session
            .model(ModelSpec::new(name, "shared"))
            .build()
            .unwrap()
    };
    let (one, other) = (session("a"), session("b"));
    let infer = open_with(&one, "infer", &json!({"model": "a"}));
    let same = open_with(&other, "infer", &json!({"model": "b"}));
    assert_eq!(mock.loads(), 1, "one model, whatever sessions call it");
    let refused = kit(&other)
        .open("infer", &json!({"model": "a"}))
        .unwrap_err();
    assert_eq!(
        refused.kind(),
        ErrorKind::Model,
        "a session grants its own: {refused}"
    );
    drop((infer, same, one, other));
    open_with(&session("c"), "infer", &json!({"model": "c"}));
    assert_eq!(mock.loads(), 2, "what nobody has is gone");
}

/// Grants so many bytes.
struct Pool {
    limit: usize,
    held: AtomicUsize,
    most: AtomicUsize,
}

impl Pool {
    fn of(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            held: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl MemoryPool for Pool {
    fn try_grow(&self, bytes: usize) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let more = |held: usize| Some(held + bytes).filter(|sum| *sum <= self.limit);
        let grown = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        let held = grown.map_err(|held| format!("{held} of {} are held", self.limit))?;
        self.most.fetch_max(held + bytes, Ordering::Relaxed);
        Ok(())
    }

    fn shrink(&self, bytes: usize) {
        let held = self.held.fetch_sub(bytes, Ordering::Relaxed);
        assert!(held >= bytes, "{bytes} given back of {held}");
    }
}

#[test]
fn an_engine_grants_memory_and_gets_it_back() {
    const GRANTED: usize = 24 << 20;
    let pool = Pool::of(GRANTED);
    let runtime = runtime();
    let session = runtime.session().limits(small()).threads(1);
    let session = session.memory_pool(pool.clone()).build().unwrap();
    let add_one = open(&session, "add_one");
    assert!(pool.held() > 0, "an idle instance has memory");
    assert_eq!(pool.held(), session.memory_held());
    assert_eq!(pool.held(), runtime.memory_held());
    assert_eq!(to_ints(&add_one.call(&[ints([1, 2])]).unwrap()), [2, 3]);
    let idle = pool.held();

    // More than the engine grants, and less than the limits allow.
    let hoards = open(&session, "hoards");
    let output = hoards.evaluate(&[ints([1 << 20, 40 << 20])]).unwrap();
    let failed: Vec<_> = output.failures.iter().map(|f| (f.row, f.kind)).collect();
    assert_eq!(failed, [(1, ErrorKind::Memory)], "{:?}", output.failures);
    let message = &output.failures[0].message;
    assert!(message.contains("the engine does not grant"), "{message}");
    assert!(pool.most.load(Ordering::Relaxed) <= GRANTED);

    // Results are the engine's once the batch is done.
    let big = open(&session, "big_output");
    big.call(&[ints([1 << 20])]).unwrap();
    drop((hoards, big));
    assert!(pool.held() <= 2 * idle, "{} of {idle}", pool.held());
    drop((add_one, session));
    assert_eq!(pool.held(), 0);
    assert_eq!(runtime.memory_held(), 0);
    assert_eq!(runtime.instances(), 0);
}

#[test]
fn the_memory_of_a_process_is_bounded_whoever_holds_it() {
    const ALL: usize = 40 << 20;
    let runtime = Runtime::builder().memory(ALL).build().unwrap();
    let (one, other) = (session(&runtime), session(&runtime));
    // Idle instances of one session make room for another's rows.
    let functions: Vec<_> = (0..20).map(|_| open(&one, "add_one")).collect();
    let before = runtime.instances();
    let hoards = open(&other, "hoards");
    let output = hoards.evaluate(&[ints([20 << 20])]).unwrap();
    assert_eq!(
        output.failures,
        [],
        "there is room once idle ones are ended"
    );
    assert!(runtime.instances() < before);
    let output = hoards.evaluate(&[ints([45 << 20])]).unwrap();
    assert_eq!(output.failures.len(), 1);
    let message = &output.failures[0].message;
    assert!(message.contains("RuntimeBuilder::memory"), "{message}");
    assert!(runtime.memory_held() <= ALL);
    for function in functions {
        assert_eq!(to_ints(&function.call(&[ints([1])]).unwrap()), [2]);
    }
}

/// One that is at its own limit takes nothing from others.
#[test]
fn a_session_makes_room_among_its_own() {
    let runtime = runtime();
    let tight = runtime.session().limits(small()).threads(1);
    let (one, other) = (tight.memory(24 << 20).build().unwrap(), session(&runtime));
    let others: Vec<_> = (0..3).map(|_| open(&other, "add_one")).collect();
    let held = other.memory_held();
    let mine = open(&one, "add_one");
    let hoards = open(&one, "hoards");
    let before = one.memory_held();
    let output = hoards.evaluate(&[ints([40 << 20])]).unwrap();
    assert_eq!(output.failures.len(), 1);
    let message = &output.failures[0].message;
    assert!(message.contains("SessionBuilder::memory"), "{message}");
    assert!(one.memory_held() < before, "its own idle instances ended");
    assert_eq!(other.memory_held(), held, "those of others did not");
    drop((others, mine));
}

#[test]
fn plugins_run_without_a_compiler() {
    let runtime = runtime();
    let artefact = runtime.precompile(KIT.bytes).unwrap();
    let session = session(&runtime);
    // SAFETY: it is what `precompile` gave.
    let plugin = unsafe { Plugin::from_precompiled(&session, "kit", &artefact) }.unwrap();
    let compiled = kit(&session);
    assert_eq!(plugin.digest(), compiled.digest());
    assert_eq!(plugin.size(), compiled.size());
    let names = |plugin: &Plugin| {
        let signatures = plugin.signatures().iter();
        signatures.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&plugin), names(&compiled));
    let add_one = plugin.open("add_one", &Value::Null).unwrap();
    assert_eq!(to_ints(&add_one.call(&[ints([1])]).unwrap()), [2]);

    for bytes in [KIT.bytes, &artefact[..40], b""] {
        // SAFETY: none of these has code that could be run.
        let error = unsafe { Plugin::from_precompiled(&session, "kit", bytes) }.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPlugin, "{error}");
        assert!(error.to_string().contains("precompile"), "{error}");
    }
    let error = runtime.precompile(b"\0asm").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPlugin);
}

/// Says when a future wants to be polled.
#[derive(Default)]
struct Bell(Mutex<bool>, Condvar);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        let rung = bell.0.lock().unwrap();
        let rung = bell
            .1
            .wait_timeout_while(rung, Duration::from_secs(60), |rung| !*rung);
        let (mut rung, timeout) = rung.unwrap();
        assert!(!timeout.timed_out(), "nobody woke the future");
        *rung = false;
    }
}

#[test]
fn batches_can_be_waited_for_without_a_thread() {
    let session = builder().limits(small()).threads(2).build().unwrap();
    let add_one = open(&session, "add_one");
    let columns: Vec<ArrayRef> = vec![ints(0..10_000)];
    let batches: Vec<_> = (0..4)
        .map(|_| add_one.evaluate_async(columns.clone(), 10_000, CallOptions::new()))
        .collect();
    for batch in batches {
        let output = wait_for(batch).unwrap();
        assert_eq!(to_ints(&output.values), (1..=10_000).collect::<Vec<_>>());
    }
    let answer = open(&session, "answer");
    let output = wait_for(answer.evaluate_async(Vec::new(), 3, CallOptions::new())).unwrap();
    assert_eq!(output.values.len(), 3);
}

#[test]
fn a_batch_that_nobody_waits_for_is_cancelled() {
    let mut limits = Limits::default();
    limits.call_time = Duration::from_secs(60);
    let session = builder().limits(limits).threads(1).build().unwrap();
    let spins = open(&session, "spins");
    let column: ArrayRef = ints([1]);
    let weak = Arc::downgrade(&column);
    let start = Instant::now();
    let batch = spins.evaluate_async(vec![column], 1, CallOptions::new());
    std::thread::sleep(Duration::from_millis(50));
    drop(batch);
    while weak.strong_count() > 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "it goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Called from a rayon worker, compiling and running models must not begin another call on
/// the same stack.
#[test]
fn rayon_workers_may_call() {
    use rayon::prelude::*;

    let mock = Mock::default();
    let runtime = runtime();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    let sums: Vec<i64> = pool.install(|| {
        (0..16_i64)
            .into_par_iter()
            .map(|n| {
                let session = runtime.session().threads(1).backend(Arc::new(mock.clone()));
                let session = session.model(ModelSpec::new("m", "load-takes=50"));
                let session = session.build().unwrap();
                open_with(&session, "infer", &json!({"model": "m"}));
                to_ints(&open(&session, "add_one").call(&[ints([n])]).unwrap())[0]
            })
            .collect()
    });
    assert_eq!(sums, (1..=16).collect::<Vec<_>>());
}

#[test]
#[cfg(unix)]
fn a_fork_needs_a_runtime_of_its_own() {
    let runtime = runtime();
    let session = session(&runtime);
    let add_one = open(&session, "add_one");
    let told = || {
        let error = add_one.call(&[ints([1])]).err();
        error.is_some_and(|error| {
            error.kind() == ErrorKind::Sandbox && error.to_string().contains("forked")
        })
    };
    // SAFETY: no other thread of this test has had a lock of its own function.
    assert!(unsafe { wudf_test_support::holds_in_a_fork(told) });
    assert_eq!(to_ints(&add_one.call(&[ints([1])]).unwrap()), [2]);
}

/// Instances that a burst of callers needed are not kept for ever.
#[test]
fn idle_instances_end_while_others_work() {
    let mut limits = small();
    limits.idle_time = Duration::from_millis(100);
    let runtime = runtime();
    let session = runtime.session().limits(limits).threads(1).build().unwrap();
    let slow = open(&session, "slow_calls");
    let start = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..20 {
                    slow.call(&[ints([1])]).unwrap();
                }
            });
        }
    });
    let burst = runtime.instances();
    std::thread::sleep(Duration::from_millis(150));
    for _ in 0..8 {
        slow.call(&[ints([1])]).unwrap();
    }
    assert!(burst > 1, "they called at one time");
    assert_eq!(runtime.instances(), 1);
}
