//! What a function has done so far.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::function::Failure;

/// What has been done so far with a [`Function`](crate::Function), its clones and what was
/// [bound](crate::Function::bind) from it, summed over all threads. Numbers only grow, and
/// one snapshot may see a batch in part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Rows of batches that have ended without an error.
    pub rows: u64,
    /// Rows of these that failed.
    pub failures: u64,
    /// The same by [`Failure::code`]. Of a plugin that has more than 64 codes, the rows of
    /// those that came later are under `other`.
    pub failures_by_code: BTreeMap<String, u64>,
    /// Bytes of the arguments' values in these batches, each row's own; constants that are
    /// bound do not count.
    pub bytes_in: u64,
    /// Bytes of the values that they gave.
    pub bytes_out: u64,
    /// Calls into the sandbox, with those that ended in a crash, at a limit or cancelled.
    pub calls: u64,
    /// Instances made.
    pub instances_created: u64,
    /// Times that an idle instance was there for a call.
    pub instances_reused: u64,
    /// Idle instances that were ended although nothing was wrong with them: another
    /// function needed the room, nobody had used them for
    /// [`Limits::idle_time`](crate::Limits::idle_time), or there were more than threads to
    /// use them.
    pub instances_evicted: u64,
    /// Time inside the plugin, without its models.
    pub plugin: Duration,
    /// Time in models: runs, and waiting for them.
    pub model: Duration,
    /// The part of [`model`](Self::model) before runs began: waiting for other runs of the
    /// model to end.
    pub queue_wait: Duration,
    /// Time laying columns out for the plugin, and checking what came back.
    pub boundary: Duration,
    /// Runs that calls of this function led of models that join rows into batches. Rows of
    /// other functions may have been among them.
    pub batch_runs: u64,
    /// Rows in these runs: `batch_rows / batch_runs` is how full a batch was.
    pub batch_rows: u64,
}

/// A number that threads add to.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn add_time(&self, time: Duration) {
        self.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn time(&self) -> Duration {
        Duration::from_nanos(self.get())
    }
}

/// What [`Stats`] are read from.
#[derive(Default)]
pub(crate) struct Counters {
    rows: Count,
    failures: Count,
    by_code: Mutex<BTreeMap<String, u64>>,
    bytes_in: Count,
    bytes_out: Count,
    pub calls: Count,
    pub created: Count,
    pub reused: Count,
    pub evicted: Count,
    pub plugin: Count,
    pub model: Count,
    pub queue_wait: Count,
    pub boundary: Count,
    pub batch_runs: Count,
    pub batch_rows: Count,
}

impl Counters {
    /// Counts a batch that has ended.
    pub(crate) fn batch(
        &self,
        rows: usize,
        failures: &[Failure],
        bytes_in: usize,
        bytes_out: usize,
    ) {
        /// Plugins choose codes freely.
        const CODES: usize = 64;
        self.rows.add(rows as u64);
        self.bytes_in.add(bytes_in as u64);
        self.bytes_out.add(bytes_out as u64);
        if failures.is_empty() {
            return;
        }
        self.failures.add(failures.len() as u64);
        let mut by_code = self.by_code.lock().unwrap_or_else(PoisonError::into_inner);
        for failure in failures {
            match by_code.get_mut(&failure.code) {
                Some(count) => *count += 1,
                None => {
                    let code = match by_code.len() < CODES {
                        true => failure.code.clone(),
                        false => "other".to_owned(),
                    };
                    *by_code.entry(code).or_default() += 1;
                }
            }
        }
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let by_code = self.by_code.lock().unwrap_or_else(PoisonError::into_inner);
        Stats {
            rows: self.rows.get(),
            failures: self.failures.get(),
            failures_by_code: by_code.clone(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            calls: self.calls.get(),
            instances_created: self.created.get(),
            instances_reused: self.reused.get(),
            instances_evicted: self.evicted.get(),
            plugin: self.plugin.time(),
            model: self.model.time(),
            queue_wait: self.queue_wait.time(),
            boundary: self.boundary.time(),
            batch_runs: self.batch_runs.get(),
            batch_rows: self.batch_rows.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_plugin_cannot_fill_memory_with_codes() {
        let counters = Counters::default();
        let failures: Vec<_> = (0..1_000)
            .map(|row| Failure {
                row,
                kind: ErrorKind::Row,
                code: format!("code-{row}"),
                message: String::new(),
            })
            .collect();
        counters.batch(1_000, &failures, 0, 0);
        counters.batch(1, &failures[..1], 0, 0);
        let stats = counters.snapshot();
        assert_eq!((stats.rows, stats.failures), (1_001, 1_001));
        assert_eq!(stats.failures_by_code.len(), 65);
        assert_eq!(stats.failures_by_code["code-0"], 2);
        assert_eq!(stats.failures_by_code.values().sum::<u64>(), 1_001);
    }
}
