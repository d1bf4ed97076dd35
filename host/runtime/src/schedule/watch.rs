//! What is noted of a call into the sandbox that is over, and of its rows.

use std::ops::Range;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{Call, Part, Spent};

/// One call into a plugin that took longer than
/// [`CallOptions::slow`](crate::CallOptions::slow).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slow {
    /// The rows of the call, counted from 0 in the arguments. If it is more than one, nobody
    /// knows which of them took the time.
    pub rows: Range<usize>,
    /// How long the plugin and the models that it ran took, without loading models and without
    /// waiting for other runs of theirs.
    pub took: Duration,
}

impl Call {
    /// Notes a call for rows from `start` that began to be prepared at `begin`, whatever came
    /// of it.
    pub(super) fn note(&self, spent: &Spent, begin: Instant, start: usize, rows: usize) {
        let counters = &self.function.counters;
        let (inside, seen) = (spent.inside(), spent.batching);
        counters.calls.add(1);
        counters
            .plugin
            .add_time(inside.saturating_sub(spent.computing));
        counters.model.add_time(spent.computing);
        counters.queue_wait.add_time(seen.queued);
        counters.boundary.add_time(spent.outside(begin));
        counters.batch_runs.add(seen.runs);
        counters.batch_rows.add(seen.rows);
        let took = inside.saturating_sub(seen.queued);
        if self.options.is_slow(took) {
            let rows = start..start + rows;
            let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
            slow.push(Slow { rows, took });
        }
    }

    pub(super) fn take_slow(&self) -> Vec<Slow> {
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slow = std::mem::take(&mut *slow);
        slow.sort_by_key(|slow| (slow.rows.start, slow.rows.end));
        slow
    }

    /// The rows of a chunk, or of a part of one, counted in the caller's budget of failures.
    /// Whether that is over, is looked at where the call may be cancelled.
    pub(super) fn counted(&self, part: Part, rows: usize) -> Part {
        if let Some(budget) = self.options.budget() {
            let failures = part.failures.iter();
            budget.count(
                rows as u64,
                failures.map(|failure| failure.message.as_str()),
            );
        }
        part
    }
}
