//! What the benches share: photographs, runtimes, a fair comparison of two things, and where figures go.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, BinaryArray};
use libjpeg_turbo_rs::{PixelFormat, Subsampling};
use serde_json::{Value, json};
use wudf::{Session, SessionBuilder};

/// Why a bench fails; it ends with the message.
pub type Failure = Box<dyn std::error::Error>;

/// A session on the caller's thread alone, with the default limits and interruption enabled.
pub fn one_thread() -> SessionBuilder {
    Session::builder().threads(1)
}

/// The file that figures are appended to, one JSON object a line; `benches/results.py` makes tables of it.
const RESULTS: &str = "WUDF_RESULTS";

/// Writes a figure to the file that the environment's `WUDF_RESULTS` names, if it names one: `figure` is an object with `unit`, `value`, and,
/// where there were rounds, `low`, `high` (the quartiles) and `rounds`.
///
/// # Errors
/// When the file cannot be written: a run without its figures is worth nothing.
pub fn record(bench: &str, case: &str, mut figure: Value) -> Result<(), Failure> {
    let Some(file) = std::env::var_os(RESULTS) else {
        return Ok(());
    };
    figure["bench"] = bench.into();
    figure["case"] = case.into();
    // In one write, since the processes of a bench append to the same file.
    let line = format!("{figure}\n");
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?
        .write_all(line.as_bytes())?;
    Ok(())
}

/// The median of the rounds and the quartiles around it.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The first quartile.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The third quartile.
    pub high: f64,
    /// The smallest value.
    pub least: f64,
    rounds: usize,
}

impl Spread {
    /// Of at least one value.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(mut values: Vec<f64>) -> Result<Self, Failure> {
        values.sort_unstable_by(f64::total_cmp);
        let last = values.len().checked_sub(1).ok_or("there were no rounds")?;
        let at = |share: f64| values[(last as f64 * share).round() as usize];
        Ok(Self {
            low: at(0.25),
            median: at(0.5),
            high: at(0.75),
            least: values[0],
            rounds: values.len(),
        })
    }

    /// As [`record`] takes it.
    pub fn figure(&self, unit: &str) -> Value {
        json!({
            "unit": unit, "value": self.median, "low": self.low, "high": self.high, "rounds": self.rounds,
        })
    }
}

/// The bytes of all `.jpg` files of `folder`, by name. Without a folder, those of `shared/photos` in the repository or beside it;
/// where there are none, generated pictures, with a note on stderr.
///
/// # Errors
/// When a folder was named that has no photographs, or a file cannot be read.
pub fn photos(folder: Option<&Path>) -> Result<Vec<Vec<u8>>, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let usual = [root.join("shared/photos"), root.join("../shared/photos")];
    let folder = folder.or_else(|| {
        usual
            .iter()
            .map(PathBuf::as_path)
            .find(|folder| folder.is_dir())
    });
    let Some(folder) = folder else {
        eprintln!(
            "note: there is no folder shared/photos, so these are 40 GENERATED pictures (--photos names another folder)"
        );
        return (0..40).map(generated).collect();
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "jpg" || e == "JPEG"));
    files.sort();
    if files.is_empty() {
        return Err(format!("{} has no .jpg files", folder.display()).into());
    }
    eprintln!("{} photographs", files.len());
    Ok(files.iter().map(std::fs::read).collect::<Result<_, _>>()?)
}

/// A JPEG of 500 x 375 pixels: waves and some noise, so that it has about as many bytes as a photograph.
fn generated(number: usize) -> Result<Vec<u8>, Failure> {
    const SIZE: (usize, usize) = (500, 375);
    let mut noise = number as u32 + 1;
    let mut pixels = Vec::with_capacity(SIZE.0 * SIZE.1 * 3);
    for y in 0..SIZE.1 {
        for x in 0..SIZE.0 {
            for channel in 0..3 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let wave = ((x * (channel + 1) + y * (number + 1)) as f32 / 40.0).sin();
                pixels.push((128.0 + 90.0 * wave) as u8 + (noise >> 28) as u8);
            }
        }
    }
    Ok(libjpeg_turbo_rs::compress(
        &pixels,
        SIZE.0,
        SIZE.1,
        PixelFormat::Rgb,
        92,
        Subsampling::S420,
    )?)
}

/// The value of an option that takes a number of at least 1.
///
/// # Errors
/// When it is missing, or not a number.
pub fn number(option: &str, value: Option<String>) -> Result<usize, Failure> {
    let value = value.ok_or_else(|| format!("{option} wants a number"))?;
    Ok(value.parse::<usize>()?.max(1))
}

/// Files as the column that a plugin takes.
pub fn column(files: &[Vec<u8>]) -> ArrayRef {
    Arc::new(BinaryArray::from_iter_values(files))
}

/// Two things that do the same work, measured in turn, so that what else the machine does hits both alike.
#[derive(Debug, Default)]
pub struct Comparison {
    rounds: Vec<(Duration, Duration)>,
}

impl Comparison {
    /// Runs both once to warm up, then `rounds` times, one after the other, and the other first in every second round.
    ///
    /// # Errors
    /// The first of either.
    pub fn run(
        rounds: usize,
        mut first: impl FnMut() -> Result<(), Failure>,
        mut second: impl FnMut() -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        fn time(work: &mut dyn FnMut() -> Result<(), Failure>) -> Result<Duration, Failure> {
            let begin = Instant::now();
            work()?;
            Ok(begin.elapsed())
        }
        first()?;
        second()?;
        let mut measured = Vec::with_capacity(rounds);
        for round in 0..rounds {
            measured.push(if round % 2 == 0 {
                let first = time(&mut first)?;
                (first, time(&mut second)?)
            } else {
                let second = time(&mut second)?;
                (time(&mut first)?, second)
            });
        }
        Ok(Self { rounds: measured })
    }

    /// Prints the items per second of each side, and the speed of the first as a share of the second's: the median of
    /// the rounds, its quartiles, and the ratio of the fastest round of each. The ratio is [recorded](record) as `case` of `bench`.
    ///
    /// # Errors
    /// As [`record`].
    pub fn report(
        &self,
        (bench, case): (&str, &str),
        (items, unit): (usize, &str),
        first: &str,
        second: &str,
    ) -> Result<(), Failure> {
        let spread =
            |of: fn(&(Duration, Duration)) -> f64| Spread::of(self.rounds.iter().map(of).collect());
        let (a, b) = (
            spread(|r| r.0.as_secs_f64())?,
            spread(|r| r.1.as_secs_f64())?,
        );
        let ratio = spread(|r| r.1.as_secs_f64() / r.0.as_secs_f64())?;
        let rate = |times: &Spread| items as f64 / times.median;
        for (name, times) in [(first, &a), (second, &b)] {
            println!(
                "{name:<32} {:8.2} {unit}/s   ({:.3?} each; best {:.3?})",
                rate(times),
                Duration::from_secs_f64(times.median / items as f64),
                Duration::from_secs_f64(times.least / items as f64)
            );
        }
        println!(
            "{first} / {second}: {:.3} (quartiles {:.3} to {:.3}, {} rounds; of the fastest rounds {:.3})\n",
            ratio.median,
            ratio.low,
            ratio.high,
            ratio.rounds,
            b.least / a.least,
        );
        let mut figure = ratio.figure("ratio");
        figure["first"] = rate(&a).into();
        figure["second"] = rate(&b).into();
        figure["per"] = format!("{unit}/s").into();
        record(bench, case, figure)
    }
}
