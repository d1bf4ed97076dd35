//! How large chunks are, by rows, bytes and time, and what is learned for that from
//! those that are done.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Call, WORTH_WAKING};
use crate::columns::schema;
use crate::columns::size::RowSizes;
use crate::function::{Inner, Ready};
use crate::nn::batcher::Seen;

/// What one chunk should take: long enough that entering the sandbox is
/// nothing, short enough that threads end together.
const CHUNK_TIME: Duration = Duration::from_millis(20);

impl Call {
    /// How many rows the chunk from `start` has.
    pub(super) fn chunk_rows(&self, start: usize) -> usize {
        let left = self.rows - start;
        if left == 0 {
            // A helper that came late. The caller may have its answer, and
            // the memory of its columns, which another library lent, be gone.
            return 0;
        }
        let limits = &self.function.plugin.shared.limits;
        let cost = self.function.row_cost.load(Ordering::Relaxed);
        let by_time = match cost {
            // Nothing is known yet: one row tells.
            0 => 1,
            cost => {
                let of = |time: Duration| {
                    usize::try_from(time.as_nanos() / u128::from(cost)).unwrap_or(usize::MAX)
                };
                // A fair share, so that threads end together, but no crumbs.
                let share = left.div_ceil(2 * self.function.workers());
                let share = if self.function.workers() == 1 {
                    left
                } else {
                    share.max(of(WORTH_WAKING))
                };
                let trial = self.function.trial.load(Ordering::Relaxed);
                share.min(of(CHUNK_TIME).max(trial)).max(1)
            }
        };
        // What comes back has a limit too, and may be wide.
        let width = schema::width(self.function.signature.returns.data_type());
        let by_output = (limits.output / width.max(1)).max(1);
        let most = left
            .min(limits.chunk_rows.max(1))
            .min(by_time)
            .min(by_output);
        let most = match self.function.rows_per_call {
            Some(rows) => most.min(rows),
            None => most,
        };
        // Constants weigh nothing by the row.
        let columns = self.arguments.iter().enumerate();
        let columns = columns.filter(|(i, _)| self.function.constant(*i).is_none());
        let sizes = || columns.clone().map(|(_, array)| RowSizes::of(array));
        let fixed = |size: &RowSizes<'_>| match size {
            RowSizes::Fixed(bytes) => Some(*bytes),
            _ => None,
        };
        if let Some(bytes) = sizes().map(|size| fixed(&size)).sum::<Option<usize>>() {
            return most.min((limits.chunk / bytes.max(1)).max(1));
        }
        let sizes: Vec<_> = sizes().collect();
        let fixed: usize = sizes.iter().filter_map(fixed).sum();
        let whole = sizes.iter().map(|size| size.rows(start, most));
        if whole
            .sum::<Option<usize>>()
            .is_some_and(|bytes| bytes <= limits.chunk)
        {
            return most;
        }
        let mut bytes = 0;
        for row in 0..most {
            bytes += fixed;
            for size in sizes.iter().filter(|s| !matches!(s, RowSizes::Fixed(_))) {
                bytes += size.row(start + row);
            }
            if bytes > limits.chunk {
                return row.max(1);
            }
        }
        most
    }
}

/// Where the time of a call into the sandbox went.
pub(super) struct Spent {
    entered: Instant,
    left: Instant,
    /// Running models, and loading them.
    pub computing: Duration,
    loading: Duration,
    pub batching: Seen,
}

impl Spent {
    pub(super) fn before(ready: &Ready) -> Self {
        let state = ready.instance.state();
        Self {
            entered: state.entered,
            left: state.entered,
            computing: state.computing,
            loading: state.loading,
            batching: state.batching,
        }
    }

    pub(super) fn after(self, ready: &Ready) -> Self {
        let state = ready.instance.state();
        Self {
            entered: state.entered,
            left: Instant::now(),
            computing: state.computing - self.computing,
            loading: state.loading - self.loading,
            batching: state.batching.since(self.batching),
        }
    }

    /// In the sandbox: the plugin, and its models.
    pub(super) fn inside(&self) -> Duration {
        (self.left - self.entered).saturating_sub(self.loading)
    }

    /// Before and behind that, for a call that began to be prepared at `begin`.
    pub(super) fn outside(&self, begin: Instant) -> Duration {
        (self.entered - begin) + self.left.elapsed()
    }
}

impl Inner {
    /// Remembers what rows cost, the newest measurement most, and whether larger chunks
    /// would make them cheaper: a function with a cost to each call shows it in that.
    pub(super) fn learn(&self, spent: &Spent, rows: usize) {
        let Some(cost) = u64::try_from(spent.inside().as_nanos())
            .ok()
            .and_then(|t| t.checked_div(rows as u64))
        else {
            return;
        };
        let old = self.row_cost.load(Ordering::Relaxed);
        let trial = self.trial.load(Ordering::Relaxed);
        let cheaper = cost < old / 4 * 3;
        if old == 0 || (trial > 0 && rows >= trial) {
            let next = if old == 0 || cheaper { 2 * rows } else { 0 };
            self.trial.store(next, Ordering::Relaxed);
        }
        let new = if old == 0 || rows >= 64 || (cheaper && rows >= trial) {
            cost
        } else {
            (old + cost) / 2
        };
        self.row_cost.store(new.max(1), Ordering::Relaxed);
    }
}
