//! Accounting for memory: what all plugins of a runtime hold, and what each session does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An engine's own account of memory. A session that is given one asks it before a plugin
/// gets memory, before a tensor is kept on the host and before a batch keeps results; what
/// it refuses costs the row that asked, or the batch where nothing can be run without it.
///
/// Idle instances of the session are ended, and what they hold is given back, before a refusal
/// counts.
/// Results are the caller's once a batch is done and are given back then.
pub trait MemoryPool: Send + Sync + 'static {
    /// Reserves this many bytes more.
    ///
    /// # Errors
    /// When there is no room for them; the message goes into the row's failure.
    fn try_grow(&self, bytes: usize) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

    /// Gives back bytes that were reserved.
    fn shrink(&self, bytes: usize);
}

/// Bytes held, of at most so many.
#[derive(Debug)]
pub(crate) struct Total {
    limit: usize,
    held: AtomicUsize,
}

impl Total {
    /// With no limit where there is `None`.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self {
            limit: limit.unwrap_or(usize::MAX),
            held: AtomicUsize::new(0),
        }
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn try_grow(&self, bytes: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.limit);
        let relaxed = Ordering::Relaxed;
        self.held.fetch_update(relaxed, relaxed, more).is_ok()
    }

    fn shrink(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What has no room for more bytes; its text is to stand behind "stopped for asking for".
#[derive(Debug)]
pub(crate) enum Full {
    /// The session, or the engine's pool that it is in: others cannot make room.
    Session(String),
    /// The runtime, of all sessions together.
    Runtime(String),
}

impl Full {
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Session(message) | Self::Runtime(message) => message,
        }
    }
}

/// What a session holds: counted for itself, for the runtime, and in the engine's pool.
pub(crate) struct Account {
    runtime: Arc<Total>,
    session: Total,
    pool: Option<Arc<dyn MemoryPool>>,
}

impl Account {
    pub(crate) fn new(
        runtime: Arc<Total>,
        limit: Option<usize>,
        pool: Option<Arc<dyn MemoryPool>>,
    ) -> Self {
        Self {
            runtime,
            session: Total::new(limit),
            pool,
        }
    }

    pub(crate) fn held(&self) -> usize {
        self.session.held()
    }

    /// Takes this many bytes.
    ///
    /// # Errors
    /// Whose limit it exceeds.
    pub(crate) fn try_grow(&self, bytes: usize) -> Result<(), Full> {
        let over = |whose: &str, limit: usize, setting: &str| {
            format!("more than the {limit} bytes of memory that {whose} may use ({setting})")
        };
        if !self.session.try_grow(bytes) {
            let limit = self.session.limit;
            let message = over("its session", limit, "SessionBuilder::memory");
            return Err(Full::Session(message));
        }
        if !self.runtime.try_grow(bytes) {
            self.session.shrink(bytes);
            let limit = self.runtime.limit;
            let message = over("all plugins together", limit, "RuntimeBuilder::memory");
            return Err(Full::Runtime(message));
        }
        let grown = self
            .pool
            .as_ref()
            .map_or(Ok(()), |pool| pool.try_grow(bytes));
        grown.map_err(|error| {
            self.session.shrink(bytes);
            self.runtime.shrink(bytes);
            let why = crate::error::printable(&error.to_string(), 500);
            Full::Session(format!(
                "{bytes} bytes of memory that the engine does not grant: {why}"
            ))
        })
    }

    /// Gives bytes back.
    pub(crate) fn shrink(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.session.shrink(bytes);
        self.runtime.shrink(bytes);
        if let Some(pool) = &self.pool {
            pool.shrink(bytes);
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("held", &self.session.held())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Grants 100 bytes.
    #[derive(Default)]
    struct Hundred(AtomicUsize);

    impl MemoryPool for Hundred {
        fn try_grow(&self, bytes: usize) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            if self.0.load(Ordering::Relaxed) + bytes > 100 {
                return Err("no more than 100".into());
            }
            self.0.fetch_add(bytes, Ordering::Relaxed);
            Ok(())
        }

        fn shrink(&self, bytes: usize) {
            self.0.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_is_refused_is_counted_nowhere() {
        let pool = Arc::new(Hundred::default());
        let runtime = Arc::new(Total::new(Some(150)));
        let one = Account::new(Arc::clone(&runtime), None, Some(pool.clone()));
        let two = Account::new(Arc::clone(&runtime), Some(60), None);
        one.try_grow(90).unwrap();
        let error = one.try_grow(11).unwrap_err().into_message();
        assert!(error.contains("no more than 100"), "{error}");
        let error = two.try_grow(61).unwrap_err().into_message();
        assert!(error.contains("SessionBuilder::memory"), "{error}");
        two.try_grow(60).unwrap();
        let error = one.try_grow(1).unwrap_err().into_message();
        assert!(error.contains("RuntimeBuilder::memory"), "{error}");
        assert_eq!((one.held(), two.held(), runtime.held()), (90, 60, 150));
        assert_eq!(pool.0.load(Ordering::Relaxed), 90);
        one.shrink(90);
        two.shrink(60);
        assert_eq!((one.held(), two.held(), runtime.held()), (0, 0, 0));
        assert_eq!(pool.0.load(Ordering::Relaxed), 0);
    }
}
