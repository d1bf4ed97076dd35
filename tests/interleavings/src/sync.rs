//! `std::sync`, of shuttle.

use real_std::sync::atomic::{AtomicBool, Ordering};
use real_std::time::Duration;

/// Nobody waits for one.
pub use real_std::sync::OnceLock;
pub use shuttle::sync::*;

/// [`shuttle::sync::Condvar`], which has no clock: here the time of a wait may be over at any
/// moment.
#[derive(Debug, Default)]
pub struct Condvar(shuttle::sync::Condvar);

/// Why a wait ended.
#[derive(Debug)]
pub struct WaitTimeoutResult(());

impl WaitTimeoutResult {
    /// It may always have been the time.
    pub fn timed_out(&self) -> bool {
        true
    }
}

impl Condvar {
    /// As in `std`.
    pub const fn new() -> Self {
        Self(shuttle::sync::Condvar::new())
    }

    /// As in `std`.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    /// Ends some time, woken or not.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        _: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        // Of the clock's own, so that nobody else is to see it.
        let over = AtomicBool::new(false);
        let woken = shuttle::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    self.0.notify_all();
                    shuttle::thread::yield_now();
                }
            });
            let woken = self.0.wait(guard);
            over.store(true, Ordering::Relaxed);
            woken
        });
        match woken {
            Ok(guard) => Ok((guard, WaitTimeoutResult(()))),
            Err(error) => Err(PoisonError::new((
                error.into_inner(),
                WaitTimeoutResult(()),
            ))),
        }
    }

    /// As in `std`.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// As in `std`.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
