//! Ending a call before it is done.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::{Error, ErrorKind, FailureBudget};

/// Tells calls to stop. Clones are the same token; once cancelled it stays so, and calls
/// made with it fail at once.
///
/// A plugin that is running is stopped within some 20 ms, a wait for a model as well. A
/// model that is running is stopped where its backend can do that.
#[derive(Clone, Default)]
pub struct CancellationToken(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    poll: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl CancellationToken {
    /// A token that is cancelled by [`cancel`](Self::cancel).
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is also cancelled once `poll` says so, for engines that have to be
    /// asked. It is asked every 10 ms at most by each thread that works on a call, the
    /// caller's own among them, and must answer at once.
    pub fn polling(poll: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            cancelled: AtomicBool::new(false),
            poll: Some(Box::new(poll)),
        }))
    }

    /// Ends the calls that were made with this token, and those to come.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it has been cancelled.
    pub fn is_cancelled(&self) -> bool {
        if self.0.cancelled.load(Ordering::Relaxed) {
            return true;
        }
        let cancelled = self.0.poll.as_ref().is_some_and(|poll| poll());
        if cancelled {
            self.cancel();
        }
        cancelled
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cancelled = self.0.cancelled.load(Ordering::Relaxed);
        f.debug_tuple("CancellationToken")
            .field(&cancelled)
            .finish()
    }
}

/// What holds for one call: see [`Function::evaluate_with`](crate::Function::evaluate_with);
/// or for one run of a [`Model`](crate::nn::Model).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CallOptions {
    cancel: Option<CancellationToken>,
    deadline: Option<Instant>,
    budget: Option<FailureBudget>,
    slow: Option<Duration>,
}

impl CallOptions {
    /// A call that runs to its end.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends when this token is cancelled.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// Ends at this time, whatever it has done by then.
    pub fn deadline(mut self, at: Instant) -> Self {
        self.deadline = Some(at);
        self
    }

    /// Counts its rows and those that fail in this budget, and ends once that is over, with
    /// an error of kind [`ErrorKind::TooManyFailures`].
    pub fn max_failures(mut self, budget: FailureBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Says which calls into the plugin took longer than this, in
    /// [`Output::slow`](crate::Output::slow).
    pub fn slow(mut self, longer_than: Duration) -> Self {
        self.slow = Some(longer_than);
        self
    }

    /// The token that ends it.
    pub fn token(&self) -> Option<&CancellationToken> {
        self.cancel.as_ref()
    }

    /// When it ends at the latest.
    pub fn ends_at(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether it is to end now: its deadline has passed, its token was cancelled, or its
    /// budget of failures is over.
    pub fn is_over(&self) -> bool {
        self.check().is_err()
    }

    /// Ends at this time, if not sooner.
    pub(crate) fn until(mut self, at: Option<Instant>) -> Self {
        self.deadline = match (self.deadline, at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self
    }

    /// Whether a call can be ended at all.
    pub(crate) fn can_stop(&self) -> bool {
        self.cancel.is_some() || self.deadline.is_some() || self.budget.is_some()
    }

    /// Where its rows are counted.
    pub(crate) fn budget(&self) -> Option<&FailureBudget> {
        self.budget.as_ref()
    }

    /// Whether that is longer than the caller wants to hear of.
    pub(crate) fn is_slow(&self, took: Duration) -> bool {
        self.slow.is_some_and(|longer_than| took > longer_than)
    }

    /// The error that ends the call, once it is to end.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`], [`ErrorKind::TooManyFailures`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(budget) = &self.budget {
            budget.check()?;
        }
        let message = if self.deadline.is_some_and(|at| at <= Instant::now()) {
            "the call's deadline has passed"
        } else if self
            .cancel
            .as_ref()
            .is_some_and(CancellationToken::is_cancelled)
        {
            "the call was cancelled"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Cancelled, message))
    }
}
