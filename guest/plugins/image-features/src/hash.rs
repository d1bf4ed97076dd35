//! Perceptual hashes, as the Python library `imagehash` computes them.

use std::f64::consts::PI;
use std::fmt::Write as _;

use wudf_guest::Enum;

use crate::error::Error;
use crate::recipe::{Channels, Recipe, Resize, Size};
use crate::resize::Interpolation;
use crate::transform::Preprocessor;

/// Which hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Kind {
    /// `imagehash.phash`: the lowest frequencies, against their median.
    #[value(name = "phash")]
    Phash,
    /// `imagehash.dhash`: whether it gets brighter from pixel to pixel.
    #[value(name = "dhash")]
    Dhash,
    /// `imagehash.average_hash`: which pixels are brighter than the mean.
    #[value(name = "average")]
    Average,
}

/// Pixels for each frequency of [`Kind::Phash`].
const PIXELS: u32 = 4;

/// Computes hashes of one kind.
#[derive(Debug)]
pub struct Hasher {
    kind: Kind,
    size: usize,
    preprocessor: Preprocessor<u8>,
    grey: Vec<u8>,
    /// Row k: the cosines of frequency k at the pixels. For [`Kind::Phash`] alone.
    cosines: Vec<f64>,
}

impl Hasher {
    /// A hash of `size` * `size` bits, of pictures that `recipe` limits and turns.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRecipe`](crate::ErrorKind::InvalidRecipe) if the size is none, or too large.
    pub fn new(kind: Kind, size: u32, recipe: Recipe) -> Result<Self, Error> {
        let to = match kind {
            Kind::Phash => Size::square(size.saturating_mul(PIXELS)),
            Kind::Dhash => Size {
                height: size,
                width: size.saturating_add(1),
            },
            Kind::Average => Size::square(size),
        };
        let recipe = Recipe {
            resize: Resize::Exact(to),
            crop: to,
            channels: Channels::Gray,
            interpolation: Interpolation::Lanczos,
            ..recipe
        };
        let preprocessor = Preprocessor::new(recipe)?;
        let cosines = match kind {
            Kind::Phash => cosines(size as usize, to.width as usize),
            _ => Vec::new(),
        };
        Ok(Self {
            kind,
            size: size as usize,
            preprocessor,
            grey: Vec::new(),
            cosines,
        })
    }

    /// A picture's hash, in hexadecimal digits as `str` of `imagehash` writes it.
    ///
    /// # Errors
    /// As [`decode`](crate::decode::decode).
    pub fn hash(&mut self, bytes: &[u8]) -> Result<String, Error> {
        self.preprocessor.tensor(bytes, &mut self.grey)?;
        Ok(hexadecimal(&match self.kind {
            Kind::Phash => self.phash(),
            Kind::Dhash => self.dhash(),
            Kind::Average => self.average(),
        }))
    }

    fn dhash(&self) -> Vec<bool> {
        let brighter = |row: &[u8]| row.windows(2).map(|p| p[1] > p[0]).collect::<Vec<_>>();
        self.grey
            .chunks_exact(self.size + 1)
            .flat_map(brighter)
            .collect()
    }

    fn average(&self) -> Vec<bool> {
        let sum: u64 = self.grey.iter().map(|v| u64::from(*v)).sum();
        let count = self.grey.len() as u64;
        self.grey
            .iter()
            .map(|v| u64::from(*v) * count > sum)
            .collect()
    }

    fn phash(&self) -> Vec<bool> {
        let side = self.size * PIXELS as usize;
        // Of each column its lowest frequencies, and then of each row of these.
        let mut columns = vec![0.0; self.size * side];
        for (row, cosines) in columns
            .chunks_exact_mut(side)
            .zip(self.cosines.chunks_exact(side))
        {
            for (pixels, cosine) in self.grey.chunks_exact(side).zip(cosines) {
                for (sum, pixel) in row.iter_mut().zip(pixels) {
                    *sum += f64::from(*pixel) * cosine;
                }
            }
        }
        let frequencies: Vec<f64> = columns
            .chunks_exact(side)
            .flat_map(|row| {
                self.cosines
                    .chunks_exact(side)
                    .map(|cosines| row.iter().zip(cosines).map(|(v, c)| v * c).sum())
            })
            .collect();
        let median = median(&frequencies);
        frequencies.iter().map(|v| *v > median).collect()
    }
}

/// The lowest `count` frequencies of a discrete cosine transform (type 2, not normalised) of `side` numbers.
fn cosines(count: usize, side: usize) -> Vec<f64> {
    let cosine = |k: usize, n: usize| (PI * (k * (2 * n + 1)) as f64 / (2 * side) as f64).cos();
    (0..count)
        .flat_map(|k| (0..side).map(move |n| 2.0 * cosine(k, n)))
        .collect()
}

/// The middle one, or the mean of both.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted[middle],
    }
}

/// The bits as a number, the first of them highest.
fn hexadecimal(bits: &[bool]) -> String {
    let missing = bits.len().next_multiple_of(4) - bits.len();
    let padded: Vec<bool> = std::iter::repeat_n(false, missing)
        .chain(bits.iter().copied())
        .collect();
    padded.as_chunks::<4>().0.iter().fold(
        String::with_capacity(padded.len() / 4),
        |mut text, bits| {
            let digit = bits.iter().fold(0, |n, bit| n * 2 + u8::from(*bit));
            // Writing to a text does not fail.
            let _ = write!(text, "{digit:x}");
            text
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_digits() {
        let bits = [true, false, false, false, false, true, true, true, true];
        // Nine bits: 1 0000 1111.
        assert_eq!(hexadecimal(&bits), "10f");
        assert_eq!(hexadecimal(&[false; 8]), "00");
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 8.0]), 3.0);
    }

    #[test]
    fn sizes_are_checked() {
        for size in [0, 2000, u32::MAX] {
            assert!(Hasher::new(Kind::Phash, size, Recipe::default()).is_err());
        }
    }
}
