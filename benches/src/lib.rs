//! What the benches share: photographs, runtimes, and a fair comparison of two things.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, BinaryArray};
use libjpeg_turbo_rs::{PixelFormat, Subsampling};
use wudf::RuntimeBuilder;

/// What a bench may fail with; it then ends with the message.
pub type Failure = Box<dyn std::error::Error>;

/// A runtime on the caller's thread alone, with the default limits, and with the clock that ends plugins running.
pub fn one_thread() -> RuntimeBuilder {
    wudf::Runtime::builder().threads(1)
}

/// The bytes of all `.jpg` files of `folder`, by name. Without a folder, those of `shared/photos` in the repository or beside it;
/// where there are none, generated pictures, which it says.
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

/// What follows an option that wants a number of at least 1.
///
/// # Errors
/// When nothing does, or no number.
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

    /// Prints how many of its `items` each does in a second, and the speed of the first as a share of the second's: the median of
    /// the rounds, the quarters around it, and once more from the fastest round of each.
    pub fn print(&self, items: usize, first: &str, second: &str) {
        self.print_as(items, "pictures", first, second);
    }

    /// The same of items that are no pictures.
    pub fn print_as(&self, items: usize, unit: &str, first: &str, second: &str) {
        let sorted = |of: fn(&(Duration, Duration)) -> f64| {
            let mut values: Vec<f64> = self.rounds.iter().map(of).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let at = |values: &[f64], share: f64| {
            values[((values.len() - 1) as f64 * share).round() as usize]
        };
        let (a, b) = (sorted(|r| r.0.as_secs_f64()), sorted(|r| r.1.as_secs_f64()));
        let ratios = sorted(|r| r.1.as_secs_f64() / r.0.as_secs_f64());
        for (name, times) in [(first, &a), (second, &b)] {
            let (median, best) = (at(times, 0.5), times[0]);
            println!(
                "{name:<32} {:8.2} {unit}/s   ({:.3?} each; best {:.3?})",
                items as f64 / median,
                Duration::from_secs_f64(median / items as f64),
                Duration::from_secs_f64(best / items as f64)
            );
        }
        println!(
            "{first} / {second}: {:.3} (quarters {:.3} to {:.3}, {} rounds; of the fastest rounds {:.3})\n",
            at(&ratios, 0.5),
            at(&ratios, 0.25),
            at(&ratios, 0.75),
            ratios.len(),
            b[0] / a[0],
        );
    }
}
