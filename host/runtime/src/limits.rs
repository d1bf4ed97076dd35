//! What an instance may use.

use std::time::Duration;

/// What one running copy of a plugin may use. The defaults fit pictures.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of memory inside the sandbox: 1 GiB.
    pub memory: usize,
    /// Elements of each table inside the sandbox: 100,000.
    pub table_elements: usize,
    /// How long the plugin may work without coming back to the host: one call
    /// on one chunk of a batch, or opening a function. Runs of a model count,
    /// loading one does not. 60 s.
    pub call_time: Duration,
    /// Bytes that one call may return: 256 MiB. A batch of a plain plugin, which is called
    /// for each row, may return as much for each [`chunk_rows`](Self::chunk_rows) rows that
    /// it has, up to 2 GiB; rows beyond fail.
    pub output: usize,
    /// Bytes that the results of a batch may take for each [`chunk_rows`](Self::chunk_rows)
    /// rows that it has: 1 GiB. Rows beyond fail. Joining the parts of a batch takes as much
    /// again for a moment; rows of a plain plugin no more than 32 MiB and one row.
    pub batch_output: usize,
    /// Bytes of tensors that an instance may hold on the host at one time:
    /// 256 MiB.
    pub tensors: usize,
    /// Bytes of arguments that go into one call, unless a single row has more:
    /// 1 MiB, which stays in a core's cache between the copy into the sandbox
    /// and the plugin. A batch is cut into chunks by this.
    pub chunk: usize,
    /// Rows that go into one call: 8,192.
    pub chunk_rows: usize,
    /// How long an idle instance is kept while others of its function do the work: 60 s.
    pub idle_time: Duration,
    /// Whether a plugin may bring its own model (wasi:nn `load`): no.
    pub load_models: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 1 << 30,
            table_elements: 100_000,
            call_time: Duration::from_secs(60),
            output: 256 << 20,
            batch_output: 1 << 30,
            tensors: 256 << 20,
            chunk: 1 << 20,
            chunk_rows: 8_192,
            idle_time: Duration::from_secs(60),
            load_models: false,
        }
    }
}
