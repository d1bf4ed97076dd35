//! How far a run is, on stderr.

use std::fmt::Write as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::talk::Talk;

/// The failures, and the slow rows, that are told one by one; the others are counted.
const TOLD: u64 = 5;

/// A bar where stderr is a terminal; nothing elsewhere.
pub struct Progress {
    bar: ProgressBar,
    talk: Talk,
    failed: u64,
    slow: u64,
}

impl Progress {
    pub fn new(talk: Talk, rows: Option<u64>, visible: bool) -> Self {
        let bar = if visible && !talk.is_quiet() {
            ProgressBar::with_draw_target(rows, ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        let template = match rows {
            Some(_) if talk.has_color() => {
                "{bar:30.cyan/dim} {human_pos}/{human_len} rows  {rate}{msg}  {left} left"
            }
            Some(_) => "{bar:30} {human_pos}/{human_len} rows  {rate}{msg}  {left} left",
            None => "{spinner} {human_pos} rows  {rate}{msg}  {elapsed}",
        };
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(
            style
                .with_key(
                    "rate",
                    |state: &ProgressState, w: &mut dyn std::fmt::Write| {
                        let _ = write!(w, "{} rows/s", rate(state.per_sec()));
                    },
                )
                .with_key(
                    "left",
                    |state: &ProgressState, w: &mut dyn std::fmt::Write| {
                        let _ = match state.pos() {
                            0 => write!(w, "?"),
                            _ => write!(w, "{}", seconds(state.eta())),
                        };
                    },
                )
                .progress_chars("━━─"),
        );
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self {
            bar,
            talk,
            failed: 0,
            slow: 0,
        }
    }

    /// Tells of a failed row.
    pub fn failure(&mut self, row: &str, why: &str) {
        self.failed += 1;
        tracing::debug!(row, why, "row failed");
        if self.failed <= TOLD {
            self.bar
                .suspend(|| self.talk.warn(&format!("{row}: {why}")));
        } else if self.failed == TOLD + 1 {
            self.bar.suspend(|| {
                self.talk
                    .warn("more rows failed; from here on they are only counted")
            });
        }
        self.bar
            .set_message(format!("  {} failed", HumanCount(self.failed)));
    }

    /// Tells of rows that took long.
    pub fn slow(&mut self, rows: &str, took: Duration) {
        self.slow += 1;
        let warn = |line: &str| self.bar.suspend(|| self.talk.warn(line));
        if self.slow <= TOLD {
            warn(&format!("{rows}: {} in the plugin", seconds(took)));
        } else if self.slow == TOLD + 1 {
            warn("more rows were slow; from here on they are only counted");
        }
    }

    pub fn advance(&self, rows: usize) {
        self.bar.inc(rows as u64);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
        if self.slow > TOLD {
            let slow = HumanCount(self.slow);
            self.talk
                .warn(&format!("{slow} calls into the plugin were slow"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Does something that may take a while: after a moment it says what, on a terminal with the time that it takes.
pub fn step<T: Send>(talk: Talk, doing: &str, work: impl FnOnce() -> T + Send) -> T {
    const MOMENT: Duration = Duration::from_millis(700);
    /// A log keeps each line, and needs none about what is soon over.
    const LONG: Duration = Duration::from_secs(5);
    if talk.is_quiet() {
        return work();
    }
    thread::scope(|scope| {
        let (done, is_done) = mpsc::channel::<()>();
        scope.spawn(move || {
            let waited = |span| is_done.recv_timeout(span) == Err(RecvTimeoutError::Timeout);
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if bar.is_hidden() {
                if waited(LONG) {
                    talk.say(doing);
                }
                return;
            }
            if !waited(MOMENT) {
                return;
            }
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
                bar.set_style(style);
            }
            bar.set_elapsed(MOMENT);
            bar.set_message(doing.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            let _ = is_done.recv();
            bar.finish_and_clear();
        });
        // Dropped when the work is over, and when it panics.
        let _done = done;
        work()
    })
}

/// What is said while a plugin of that many bytes is compiled.
pub fn compiling(name: &str, bytes: usize) -> String {
    let size = indicatif::BinaryBytes(bytes as u64);
    format!("compiling {name} ({size}) for this processor; cached for later runs")
}

/// A number of rows a second for people.
pub fn rate(per_second: f64) -> String {
    if per_second < 100.0 {
        format!("{per_second:.1}")
    } else {
        HumanCount(per_second.round() as u64).to_string()
    }
}

/// A span of time for people.
pub fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.01 {
        format!("{:.1} ms", seconds * 1e3)
    } else if seconds < 10.0 {
        format!("{seconds:.2} s")
    } else if seconds < 100.0 {
        format!("{seconds:.1} s")
    } else {
        let mut text = String::new();
        let whole = time.as_secs();
        if whole >= 3600 {
            let _ = write!(text, "{} h ", whole / 3600);
        }
        let _ = write!(text, "{} min {} s", whole / 60 % 60, whole % 60);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_rates_are_short() {
        assert_eq!(seconds(Duration::from_micros(1500)), "1.5 ms");
        assert_eq!(seconds(Duration::from_millis(1234)), "1.23 s");
        assert_eq!(seconds(Duration::from_secs(3725)), "1 h 2 min 5 s");
        assert_eq!(rate(12.34), "12.3");
        assert_eq!(rate(12345.6), "12,346");
    }
}
