//! Figures for `benches/results.py`, one JSON object a line, in the file that
//! the environment's `WUDF_RESULTS` names.

use std::fs::OpenOptions;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::Failure;
use crate::measure::{Ratio, Times};

pub fn time(case: &str, times: &Times) -> Result<(), Failure> {
    write(json!({ "bench": "peers", "case": case, "unit": "s", "value": times.median() }))
}

pub fn ratio(case: &str, ratio: &Ratio) -> Result<(), Failure> {
    let (low, high) = ratio.quarters;
    write(json!({
        "bench": "peers", "case": case, "unit": "ratio", "value": ratio.median, "low": low, "high": high,
    }))
}

pub fn version(name: &str, version: &str) -> Result<(), Failure> {
    write(json!({ "bench": "versions", "case": name, "value": version }))
}

fn write(figure: Value) -> Result<(), Failure> {
    let Some(file) = std::env::var_os("WUDF_RESULTS") else {
        return Ok(());
    };
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    Ok(writeln!(file, "{figure}")?)
}
