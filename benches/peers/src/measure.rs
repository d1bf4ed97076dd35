//! The same work by several contenders, measured in turn, so that what else the
//! machine does hits all alike.

use std::time::{Duration, Instant};

use crate::Failure;

/// How long one contender's part of a round takes.
const PART: Duration = Duration::from_millis(20);

/// What a contender does for one case.
pub type Work<'a> = Box<dyn FnMut() -> Result<(), Failure> + 'a>;

/// The seconds that one call took, in each round.
pub struct Times(Vec<f64>);

impl Times {
    /// The value below which this share of the rounds is.
    fn at(values: &[f64], share: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * share).round() as usize]
    }

    pub fn median(&self) -> f64 {
        Self::at(&self.0, 0.5)
    }

    pub fn fastest(&self) -> f64 {
        Self::at(&self.0, 0.0)
    }

    /// How many times as long as the other these took, round by round.
    pub fn over(&self, other: &Self) -> Ratio {
        let ratios: Vec<f64> = self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect();
        Ratio {
            median: Self::at(&ratios, 0.5),
            quarters: (Self::at(&ratios, 0.25), Self::at(&ratios, 0.75)),
            fastest: self.fastest() / other.fastest(),
        }
    }
}

/// A ratio of two contenders' times.
pub struct Ratio {
    pub median: f64,
    pub quarters: (f64, f64),
    /// Of the fastest round of each.
    pub fastest: f64,
}

/// Measures all of them, so many rounds; who begins changes from round to round.
pub fn in_turn(rounds: usize, works: &mut [Work<'_>]) -> Result<Vec<Times>, Failure> {
    fn time(work: &mut Work<'_>, calls: u32) -> Result<Duration, Failure> {
        let begin = Instant::now();
        for _ in 0..calls {
            work()?;
        }
        Ok(begin.elapsed())
    }
    // Warm, and until a host knows what a row costs, for some cut batches by it.
    let mut calls = Vec::with_capacity(works.len());
    for work in works.iter_mut() {
        let mut fits = 1;
        while time(work, fits)? < PART {
            fits *= 2;
        }
        let each = time(work, fits)?.as_secs_f64() / f64::from(fits);
        calls.push((PART.as_secs_f64() / each).ceil().max(1.0) as u32);
    }
    let mut times: Vec<_> = works.iter().map(|_| Times(Vec::new())).collect();
    for round in 0..rounds {
        for turn in 0..works.len() {
            let who = (round + turn) % works.len();
            let took = time(&mut works[who], calls[who])?.as_secs_f64();
            times[who].0.push(took / f64::from(calls[who]));
        }
    }
    Ok(times)
}
