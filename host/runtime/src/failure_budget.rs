//! How many rows may fail before a job is stopped.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::printable;
use crate::{Error, ErrorKind, Result};

/// How many rows of a job may fail; as text `100` or `2.5%`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MaxFailures {
    /// So many rows; with 0 the first that fails is one too many.
    Rows(u64),
    /// A percentage of the rows so far, from 0 to 100. It is judged once there are
    /// [`JUDGED_FROM`](Self::JUDGED_FROM) rows, and [at the end](FailureBudget::settle) of a
    /// job that has one.
    Percent(f64),
}

impl MaxFailures {
    /// The rows that it takes to judge a percentage: of the first ten rows half may fail by
    /// chance.
    pub const JUDGED_FROM: u64 = 1_000;
}

impl FromStr for MaxFailures {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = match text.strip_suffix('%') {
            None => text.parse().ok().map(Self::Rows),
            Some(number) => {
                let percent = number.parse().ok();
                let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
                percent.map(Self::Percent)
            }
        };
        parsed.ok_or_else(|| {
            let text = printable(text, 100);
            let message = format!(
                "max_failures is a number of rows or a percentage, as 100 or 2.5%, not `{text}`"
            );
            Error::new(ErrorKind::InvalidOptions, message)
        })
    }
}

impl fmt::Display for MaxFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// Counts the rows of a job and those that failed, and is over when too many did. Clones
/// are the same budget; any number of threads may use it.
///
/// Calls that are made [with it](crate::CallOptions::max_failures) count what each of their
/// chunks gave, and end within some 20 ms once the budget is over, whoever spent it; so do
/// all calls that come later.
#[derive(Clone, Debug)]
pub struct FailureBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: MaxFailures,
    over: AtomicBool,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    rows: u64,
    failed: u64,
    /// The first few that differ.
    messages: Vec<String>,
    /// What the error says, once it is over.
    error: String,
}

impl FailureBudget {
    /// A budget of which nothing is spent.
    pub fn new(most: MaxFailures) -> Self {
        Self(Arc::new(Inner {
            most,
            over: AtomicBool::new(false),
            counted: Mutex::default(),
        }))
    }

    /// Counts so many rows, and the messages of those among them that failed. What calls
    /// count by themselves must not be counted again.
    pub fn count<'a>(&self, rows: u64, failures: impl IntoIterator<Item = &'a str>) {
        const KEPT: usize = 3;
        const MESSAGE: usize = 200;
        let mut counted = self.lock();
        counted.rows += rows;
        for message in failures {
            counted.failed += 1;
            if counted.messages.len() < KEPT {
                let message = printable(message, MESSAGE);
                if !counted.messages.contains(&message) {
                    counted.messages.push(message);
                }
            }
        }
        let counted = &mut *counted;
        match self.0.most {
            MaxFailures::Percent(_) if counted.rows < MaxFailures::JUDGED_FROM => {}
            most => self.judge(most, counted),
        }
    }

    /// Whether it is over.
    ///
    /// # Errors
    /// [`ErrorKind::TooManyFailures`], with how many of how many rows had failed when it
    /// was, and the first few messages that differ.
    pub fn check(&self) -> Result<()> {
        if !self.0.over.load(Ordering::Relaxed) {
            return Ok(());
        }
        let message = self.lock().error.clone();
        Err(Error::new(ErrorKind::TooManyFailures, message))
    }

    /// Judges a job that has ended: a percentage of however few rows.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn settle(&self) -> Result<()> {
        self.judge(self.0.most, &mut self.lock());
        self.check()
    }

    fn judge(&self, most: MaxFailures, counted: &mut Counted) {
        let (rows, failed) = (counted.rows, counted.failed);
        #[allow(clippy::cast_precision_loss, reason = "rows are fewer than 2^53")]
        let too_many = match most {
            MaxFailures::Rows(most) => failed > most,
            MaxFailures::Percent(most) => failed as f64 * 100.0 > most * rows as f64,
        };
        if too_many && counted.error.is_empty() {
            counted.error = format!(
                "{failed} of {rows} rows failed, more than max_failures={most} allows: {}",
                counted.messages.join("; ")
            );
            self.0.over.store(true, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0
            .counted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(rows: usize, message: &str) -> impl Iterator<Item = &str> {
        std::iter::repeat_n(message, rows)
    }

    #[test]
    fn texts_are_rows_or_percentages() {
        assert_eq!("0".parse::<MaxFailures>().unwrap(), MaxFailures::Rows(0));
        let percent = "2.5%".parse::<MaxFailures>().unwrap();
        assert_eq!(percent, MaxFailures::Percent(2.5));
        assert_eq!(percent.to_string(), "2.5%");
        for wrong in ["", "%", "-1", "1.5", "101%", "-1%", "nan%", "inf%", "many"] {
            let error = wrong.parse::<MaxFailures>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidOptions);
            assert!(error.message().contains("as 100 or 2.5%"), "{error}");
        }
    }

    #[test]
    fn a_number_of_rows() {
        let budget = FailureBudget::new(MaxFailures::Rows(2));
        budget.count(10, ["a", "b"]);
        assert!(budget.check().is_ok() && budget.settle().is_ok());
        budget.clone().count(10, ["b", "c", "d"]);
        let error = budget.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyFailures);
        assert_eq!(
            error.message(),
            "5 of 20 rows failed, more than max_failures=2 allows: a; b; c"
        );
        // What comes later changes nothing about why.
        budget.count(10, failed(10, "e"));
        assert_eq!(budget.check().unwrap_err().message(), error.message());
    }

    #[test]
    fn a_percentage_is_judged_from_a_thousand_rows_on() {
        let budget = FailureBudget::new(MaxFailures::Percent(10.0));
        budget.count(999, failed(999, "a"));
        assert!(budget.check().is_ok());
        budget.count(1, []);
        assert!(budget.check().is_err());

        let budget = FailureBudget::new(MaxFailures::Percent(10.0));
        budget.count(2_000, failed(200, "a"));
        assert!(budget.check().is_ok(), "10 % are no more than that");
        budget.count(0, ["a"]);
        assert!(budget.check().is_err());
    }

    #[test]
    fn the_end_of_a_job_judges_few_rows_too() {
        let budget = FailureBudget::new(MaxFailures::Percent(10.0));
        budget.count(20, ["a", "a"]);
        assert!(budget.settle().is_ok());
        budget.count(0, ["a"]);
        let error = budget.settle().unwrap_err();
        assert_eq!(
            error.message(),
            "3 of 20 rows failed, more than max_failures=10% allows: a"
        );
        assert!(
            FailureBudget::new(MaxFailures::Percent(0.0))
                .settle()
                .is_ok()
        );
    }

    #[test]
    fn threads_share_it() {
        let budget = FailureBudget::new(MaxFailures::Rows(999));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let budget = budget.clone();
                scope.spawn(move || (0..250).for_each(|_| budget.count(1, ["a"])));
            }
        });
        assert!(
            budget
                .check()
                .unwrap_err()
                .message()
                .starts_with("1000 of 1000 rows")
        );
    }
}
