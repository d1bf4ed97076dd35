//! What a signal does: it ends the program, unless a listener takes it.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};

use crate::output;

/// Takes the next interrupt.
type Take = Box<dyn FnOnce() + Send>;

static LISTENER: Mutex<Option<Take>> = Mutex::new(None);

/// On SIGINT, SIGTERM and SIGHUP: no half-written file stays. What was ignored when the program began, as by `nohup` and in
/// jobs of scripts, stays ignored.
#[cfg(unix)]
pub fn begin() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let ignored = ignored();
    let signals = [SIGINT, SIGTERM, SIGHUP];
    let signals = signals
        .iter()
        .filter(|&&signal| ignored & (1 << (signal - 1)) == 0);
    let mut signals =
        signal_hook::iterator::Signals::new(signals).context("cannot handle signals")?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || signals.forever().for_each(interrupt))
        .context("cannot start a thread")?;
    Ok(())
}

#[cfg(not(unix))]
pub fn begin() -> Result<()> {
    const SIGINT: i32 = 2;
    ctrlc::set_handler(|| interrupt(SIGINT)).context("cannot handle signals")
}

/// The signals that are ignored, a bit each, where the system says it.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// Called on a thread of its own.
fn interrupt(signal: i32) {
    // A listener takes one: a second interrupt ends the program.
    let listener = LISTENER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match listener {
        Some(take) => take(),
        // As shells have it.
        None => output::clean_up_and_exit(128 + signal),
    }
}

/// Has the next interrupt taken, or none any more.
#[cfg(feature = "sql")]
pub fn listen(take: Option<Take>) {
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = take;
}
