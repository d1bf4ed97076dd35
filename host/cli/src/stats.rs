//! What was done, and where the time went, as a table for people.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{BinaryBytes, HumanCount};
use wudf::Stats;

use crate::pipeline::Summary;
use crate::progress::seconds;

/// The counters of a function, a line each.
pub fn of_function(stats: &Stats) -> String {
    let mut text = String::new();
    line(&mut text, "rows", &HumanCount(stats.rows).to_string());
    line(&mut text, "failed", &failures(stats));
    let per_call = ratio(stats.rows, stats.calls);
    line(
        &mut text,
        "calls into the sandbox",
        &format!("{}, {per_call} rows each", HumanCount(stats.calls)),
    );
    line(
        &mut text,
        "instances",
        &format!(
            "{} made, {} times reused, {} ended while idle",
            HumanCount(stats.instances_created),
            HumanCount(stats.instances_reused),
            HumanCount(stats.instances_evicted)
        ),
    );
    line(
        &mut text,
        "values",
        &format!(
            "{} in, {} out",
            BinaryBytes(stats.bytes_in),
            BinaryBytes(stats.bytes_out)
        ),
    );
    line(&mut text, "time in the plugin", &seconds(stats.plugin));
    line(&mut text, "time at its boundary", &seconds(stats.boundary));
    if stats.model > Duration::ZERO {
        line(
            &mut text,
            "time in models",
            &format!(
                "{}, of which {} waiting for other runs",
                seconds(stats.model),
                seconds(stats.queue_wait)
            ),
        );
    }
    if stats.batch_runs > 0 {
        let per_run = ratio(stats.batch_rows, stats.batch_runs);
        line(
            &mut text,
            "batches of models",
            &format!("{}, {per_run} rows each", HumanCount(stats.batch_runs)),
        );
    }
    text
}

/// The same, and the stages of a run.
pub fn of_run(stats: &Stats, stages: Option<&Summary>) -> String {
    let mut text = of_function(stats);
    line(&mut text, "", "times are summed over threads");
    if let Some(stages) = stages {
        line(
            &mut text,
            "stages",
            &format!(
                "reading {}, evaluating {}, writing {}, side by side",
                seconds(stages.reading),
                seconds(stages.evaluating),
                seconds(stages.writing)
            ),
        );
    }
    text
}

fn failures(stats: &Stats) -> String {
    let mut text = HumanCount(stats.failures).to_string();
    let mut by_code: Vec<_> = stats.failures_by_code.iter().collect();
    by_code.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (at, (code, count)) in by_code.into_iter().enumerate() {
        let comma = if at == 0 { ": " } else { ", " };
        let _ = write!(text, "{comma}{} {code}", HumanCount(*count));
    }
    text
}

fn ratio(of: u64, to: u64) -> String {
    match to {
        0 => "0".to_owned(),
        to => format!("{:.1}", of as f64 / to as f64),
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = write!(text, "  {name:<22}  {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_was_is_said() {
        let mut stats = Stats::default();
        assert!(!of_function(&stats).contains("models"));
        stats.rows = 12_345;
        stats.failures = 12;
        stats.failures_by_code = [("trap".to_owned(), 2), ("invalid-input".to_owned(), 10)].into();
        stats.calls = 1_000;
        stats.model = Duration::from_millis(2_500);
        stats.queue_wait = Duration::from_millis(500);
        stats.batch_runs = 4;
        stats.batch_rows = 30;
        let text = of_run(&stats, Some(&Summary::default()));
        for wanted in [
            "rows                    12,345\n",
            "12: 10 invalid-input, 2 trap\n",
            "1,000, 12.3 rows each\n",
            "2.50 s, of which 0.50 s waiting",
            "batches of models       4, 7.5 rows each\n",
            "reading 0.0 ms",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    }
}
