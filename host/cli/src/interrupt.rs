//! What an interrupt does: it ends the program, unless somebody asked to hear of it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::{exit, output};

/// Who hears of the next interrupt.
static LISTENER: Mutex<Option<Arc<Notify>>> = Mutex::new(None);

/// Called on a thread of its own.
pub fn interrupt() {
    // The listener hears of one: who asks twice means the program.
    let listener = LISTENER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match listener {
        Some(listener) => listener.notify_one(),
        None => output::clean_up_and_exit(exit::INTERRUPTED),
    }
}

/// As long as it lives, the first interrupt is told to it and goes no further.
pub struct Listener(Arc<Notify>);

impl Listener {
    pub fn new() -> Self {
        let notify = Arc::new(Notify::new());
        *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&notify));
        Self(notify)
    }

    /// Ends when there was an interrupt.
    pub async fn heard(&self) {
        self.0.notified().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
