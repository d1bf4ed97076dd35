//! Interrupts, as something to wait for.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::interrupt::listen;

/// As long as it lives, the first interrupt is told to it and goes no further.
pub struct Listener(Arc<Notify>);

impl Listener {
    pub fn new() -> Self {
        let notify = Arc::new(Notify::new());
        let listener = Arc::clone(&notify);
        listen(Some(Box::new(move || listener.notify_one())));
        Self(notify)
    }

    /// Ends when there was an interrupt.
    pub async fn heard(&self) {
        self.0.notified().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        listen(None);
    }
}
