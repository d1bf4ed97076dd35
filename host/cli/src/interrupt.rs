//! What an interrupt does: it ends the program, unless a listener takes it.

use std::sync::{Mutex, PoisonError};

use crate::{exit, output};

/// Takes the next interrupt.
type Take = Box<dyn FnOnce() + Send>;

static LISTENER: Mutex<Option<Take>> = Mutex::new(None);

/// Called on a thread of its own.
pub fn interrupt() {
    // A listener takes one: a second interrupt ends the program.
    let listener = LISTENER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match listener {
        Some(take) => take(),
        None => output::clean_up_and_exit(exit::INTERRUPTED),
    }
}

/// Has the next interrupt taken, or none any more.
#[cfg(feature = "sql")]
pub fn listen(take: Option<Take>) {
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = take;
}
