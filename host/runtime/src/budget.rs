//! What the results of one batch may take.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Limits;

/// Bytes that a batch may still return: values, and messages of failures.
pub(crate) struct Budget {
    limit: usize,
    left: AtomicUsize,
    messages: AtomicUsize,
}

/// Bytes of messages in one batch. Those beyond are [cut](SHORT).
const MESSAGES: usize = 64 << 20;

/// Bytes of a message when there have been too many.
const SHORT: usize = 80;

impl Budget {
    /// [`Limits::batch_output`] for as many rows as one call has, and again for as many
    /// more.
    pub(crate) fn of_columns(limits: &Limits, rows: usize) -> Self {
        Self::new(limits.batch_output.saturating_mul(calls(limits, rows)))
    }

    /// [`Limits::output`] in the same way, for plain functions. What their rows are
    /// appended to has 32-bit offsets, which count no more than 2 GiB.
    pub(crate) fn of_rows(limits: &Limits, rows: usize) -> Self {
        let limit = limits.output.saturating_mul(calls(limits, rows));
        Self::new(limit.min(i32::MAX as usize))
    }

    fn new(limit: usize) -> Self {
        Self {
            limit,
            left: AtomicUsize::new(limit),
            messages: AtomicUsize::new(MESSAGES),
        }
    }

    /// What there was at the beginning.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Takes this many bytes; false if there are not as many left.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        take(&self.left, bytes)
    }

    /// The message of a failure, cut if there have been too many.
    pub(crate) fn message(&self, message: String) -> String {
        if take(&self.messages, message.len()) {
            return message;
        }
        crate::error::printable(&message, SHORT)
    }
}

fn calls(limits: &Limits, rows: usize) -> usize {
    rows.div_ceil(limits.chunk_rows.max(1)).max(1)
}

fn take(from: &AtomicUsize, bytes: usize) -> bool {
    let less = |left: usize| left.checked_sub(bytes);
    let relaxed = Ordering::Relaxed;
    from.fetch_update(relaxed, relaxed, less).is_ok()
}
