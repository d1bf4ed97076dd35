//! What the results of one batch may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Limits;
use crate::session::Shared;

/// Bytes that a batch may still return: values, and messages of failures. What it takes is
/// in the session's account until the batch is done.
pub(crate) struct Budget {
    limit: usize,
    left: AtomicUsize,
    messages: AtomicUsize,
    shared: Arc<Shared>,
}

/// What forbids a result.
pub(crate) enum Over {
    /// The limit on the batch, of so many bytes.
    Limit(usize),
    /// A limit on memory, and whose.
    Memory(String),
}

/// Bytes of messages in one batch. Those beyond are [cut](SHORT).
const MESSAGES: usize = 64 << 20;

/// Bytes of a message when there have been too many.
const SHORT: usize = 80;

impl Budget {
    /// [`Limits::batch_output`] for as many rows as one call has, and again for as many
    /// more.
    pub(crate) fn of_columns(shared: &Arc<Shared>, rows: usize) -> Self {
        let limits = &shared.limits;
        Self::new(
            shared,
            limits.batch_output.saturating_mul(calls(limits, rows)),
        )
    }

    /// [`Limits::output`] in the same way, for plain functions. What their rows are
    /// appended to has 32-bit offsets, which count no more than 2 GiB.
    pub(crate) fn of_rows(shared: &Arc<Shared>, rows: usize) -> Self {
        let limits = &shared.limits;
        let limit = limits.output.saturating_mul(calls(limits, rows));
        Self::new(shared, limit.min(i32::MAX as usize))
    }

    fn new(shared: &Arc<Shared>, limit: usize) -> Self {
        Self {
            limit,
            left: AtomicUsize::new(limit),
            messages: AtomicUsize::new(MESSAGES),
            shared: Arc::clone(shared),
        }
    }

    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Takes this many bytes.
    ///
    /// # Errors
    /// When there are not as many left, or no memory for them is.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Over> {
        if !take(&self.left, bytes) {
            return Err(Over::Limit(self.limit));
        }
        self.shared.try_grow(bytes).map_err(|why| {
            self.left.fetch_add(bytes, Ordering::Relaxed);
            Over::Memory(why)
        })
    }

    /// The message of a failure, cut if there have been too many.
    pub(crate) fn message(&self, message: String) -> String {
        if take(&self.messages, message.len()) {
            return message;
        }
        crate::error::printable(&message, SHORT)
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        self.shared.account.shrink(self.limit - self.left());
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
