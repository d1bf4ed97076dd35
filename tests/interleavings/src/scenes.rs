//! Threads that meet. Each scene is run again and again, with other interleavings.

use shuttle::rand::{Rng as _, thread_rng};
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::sync::{Arc, Condvar, Mutex};
use shuttle::thread;

use crate::nn::batcher::{Batcher, Seen};
use crate::nn::{Error, ErrorKind, Model, Tensor, TensorSpec, TensorType};
use crate::pool::{Jobs, Pool};
use crate::{CallOptions, CancellationToken};

/// Doubles its rows, and crashes at [`CRASH`].
struct Double {
    specs: [Vec<TensorSpec>; 2],
    batch: usize,
    concurrency: usize,
    running: AtomicUsize,
}

const CRASH: u8 = 100;

impl Double {
    fn new() -> Self {
        let spec = |name| {
            let dims = Some(vec![None, Some(1)]);
            vec![TensorSpec::new(name, TensorType::U8, dims)]
        };
        Self {
            specs: [spec("in"), spec("out")],
            batch: thread_rng().gen_range(2..=4),
            concurrency: thread_rng().gen_range(1..=2),
            running: AtomicUsize::new(0),
        }
    }
}

impl Model for Double {
    fn inputs(&self) -> &[TensorSpec] {
        &self.specs[0]
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.specs[1]
    }

    fn batch_size(&self) -> usize {
        self.batch
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn run(&self, inputs: &[(&str, &Tensor)], _: &CallOptions) -> Result<Vec<Tensor>, Error> {
        let running = self.running.fetch_add(1, Ordering::SeqCst);
        thread::yield_now();
        self.running.fetch_sub(1, Ordering::SeqCst);
        let input = inputs[0].1;
        // One panic would end shuttle's whole test where the batcher does not catch it.
        assert!(running < self.concurrency, "{running} runs already");
        assert!(input.dims()[0] as usize <= self.batch);
        if input.data().contains(&CRASH) {
            return Err(Error::new(ErrorKind::Runtime, "told to fail"));
        }
        let rows: Vec<u8> = input.data().iter().map(|row| row * 2).collect();
        Ok(vec![Tensor::from_values(input.dims().to_vec(), &rows)?])
    }
}

fn batcher() -> Arc<Batcher> {
    Arc::new(Batcher::new(Arc::new(Double::new()), u64::MAX))
}

fn run(batcher: &Batcher, row: u8, options: &CallOptions) -> Result<u8, Error> {
    let tensor = Tensor::from_values(vec![1, 1], &[row])?;
    let outputs = batcher.run(
        vec![("in".into(), tensor)],
        None,
        options,
        &mut Seen::default(),
    )?;
    Ok(outputs[0].data()[0])
}

/// Who calls a model at the same time gets its own results, and a row that the model cannot take costs
/// nobody else's.
pub fn callers_of_a_model() {
    let batcher = batcher();
    let callers: Vec<_> = (1..=3)
        .map(|caller| {
            let batcher = Arc::clone(&batcher);
            thread::spawn(move || {
                for n in 0..4 {
                    let row = caller * 10 + n;
                    let result = run(&batcher, row, &CallOptions::new());
                    assert_eq!(result.expect("a row"), row * 2);
                }
                if caller == 1 {
                    let result = run(&batcher, CRASH, &CallOptions::new());
                    assert_eq!(result.expect_err("told to").kind(), ErrorKind::Runtime);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().expect("a caller");
    }
    // Whoever comes then is not kept waiting by anything that is left.
    assert_eq!(run(&batcher, 7, &CallOptions::new()).expect("a row"), 14);
}

/// Who is cancelled has its result or none, and leaves the others theirs.
pub fn cancelled_callers_of_a_model() {
    let batcher = batcher();
    let token = CancellationToken::new();
    let callers: Vec<_> = (1..=4)
        .map(|caller| {
            let (batcher, token) = (Arc::clone(&batcher), token.clone());
            thread::spawn(move || {
                let cancelled = caller % 2 == 0;
                let options = match cancelled {
                    true => CallOptions::new().cancel(token),
                    false => CallOptions::new(),
                };
                for n in 0..3 {
                    let row = caller * 10 + n;
                    match run(&batcher, row, &options) {
                        Ok(result) => assert_eq!(result, row * 2),
                        Err(error) if cancelled => assert_eq!(error.kind(), ErrorKind::Timeout),
                        Err(error) => panic!("{row}: {error}"),
                    }
                }
            })
        })
        .collect();
    token.cancel();
    for caller in callers {
        caller.join().expect("a caller");
    }
    assert_eq!(run(&batcher, 7, &CallOptions::new()).expect("a row"), 14);
}

/// Every job of a pool is run, and of a session's no more at one time than it may.
pub fn jobs_of_a_pool() {
    let pool = Pool::new();
    let left = Arc::new((Mutex::new(6), Condvar::new()));
    let sessions = [1, 2].map(|most| (most, Arc::<Jobs>::default(), Arc::new(AtomicUsize::new(0))));
    for (most, jobs, running) in sessions.iter().cycle().take(6) {
        let (most, running, left) = (*most, Arc::clone(running), Arc::clone(&left));
        pool.spawn(jobs, most, move || {
            let now = running.fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            let (left, changed) = &*left;
            let mut left = left.lock().expect("no panic");
            // Counted here: a panic in a job is the pool's to catch.
            *left -= if now < most { 1 } else { 100 };
            changed.notify_all();
        });
    }
    let (left, changed) = &*left;
    let mut left = left.lock().expect("no panic");
    while *left > 0 {
        left = changed.wait(left).expect("no panic");
    }
    assert_eq!(*left, 0, "more jobs of a session than it may run");
}
