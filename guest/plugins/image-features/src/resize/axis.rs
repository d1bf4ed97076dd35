//! The weights of one axis.

use std::f64::consts::PI;
use std::ops::Range;

/// How to interpolate, with Pillow's names and definitions.
///
/// [`Hamming`](Self::Hamming) and [`Lanczos`](Self::Lanczos) take sines, whose last bit differs between C libraries; of a weight
/// only 22 bits are kept, so that no picture has shown it yet. The others are exact everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Interpolation {
    /// The nearest sample: no averaging.
    Nearest,
    /// The mean of the source pixels that an output pixel covers.
    Box,
    /// A triangle. torchvision's default.
    #[default]
    Bilinear,
    /// A windowed sinc of the width of [`Bilinear`](Self::Bilinear), sharper.
    Hamming,
    /// Cubic convolution with a = -0.5.
    Bicubic,
    /// A sinc windowed by a sinc, three lobes.
    Lanczos,
}

impl Interpolation {
    /// Half the width of the filter, in source pixels at scale 1.
    fn support(self) -> f64 {
        match self {
            Self::Nearest | Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// The filter at `x`. The operations and their order are Pillow's, for the same rounding.
    fn weight(self, x: f64) -> f64 {
        let a = x.abs();
        match self {
            Self::Nearest | Self::Box => f64::from(x > -0.5 && x <= 0.5),
            Self::Bilinear => {
                if a < 1.0 {
                    1.0 - a
                } else {
                    0.0
                }
            }
            Self::Hamming => {
                if a == 0.0 {
                    1.0
                } else if a >= 1.0 {
                    0.0
                } else {
                    let x = a * PI;
                    x.sin() / x * (f64::from(0.54_f32) + f64::from(0.46_f32) * x.cos())
                }
            }
            Self::Bicubic => {
                const A: f64 = -0.5;
                if a < 1.0 {
                    ((A + 2.0) * a - (A + 3.0)) * a * a + 1.0
                } else if a < 2.0 {
                    (((a - 5.0) * a + 8.0) * a - 4.0) * A
                } else {
                    0.0
                }
            }
            Self::Lanczos => {
                if (-3.0..3.0).contains(&x) {
                    sinc(x) * sinc(x / 3.0)
                } else {
                    0.0
                }
            }
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        let x = x * PI;
        x.sin() / x
    }
}

/// Fractional bits of a weight.
pub(super) const PRECISION: u32 = 22;

/// Weights come in groups of this many, the last group filled up with zeros.
pub(super) const GROUP: usize = 4;

/// What each position of a run of output positions reads of one axis, and with what weights.
///
/// With scale = in / out: the filter is stretched by max(scale, 1); position x looks at the source around
/// (x + 0.5) * scale, from int(centre - support + 0.5), at least 0, to int(centre + support + 0.5), at most the source's size; the
/// weights are divided by their sum and rounded, half away from zero, to 22 fractional bits.
#[derive(Debug, Default)]
pub struct Axis {
    first: usize,
    end: usize,
    padded_taps: usize,
    /// Of each output position: the first source position read, less `first`.
    pub(super) starts: Vec<u32>,
    /// Of each output position: how many source positions it reads.
    pub(super) counts: Vec<u32>,
    /// Of each output position: `padded_taps` weights.
    pub(super) weights: Vec<i32>,
    /// The weights again as four low halves (15 bits) and four high halves a group: `low + (high << 15)`. Halves fit the
    /// 16-bit multiply-add that every SIMD instruction set has.
    pub(super) halves: Vec<[i16; 2 * GROUP]>,
    floats: Vec<f64>,
}

impl Axis {
    /// Computes the weights for the positions `range` of an axis scaled from `from` to `to` pixels.
    pub fn set(&mut self, interpolation: Interpolation, from: u32, to: u32, range: Range<u32>) {
        self.starts.clear();
        self.counts.clear();
        self.weights.clear();
        self.halves.clear();
        (self.first, self.end, self.padded_taps) = (0, 0, GROUP);
        if from == 0 || to == 0 || range.is_empty() {
            return;
        }
        if from == to {
            // Pillow skips the pass.
            self.single(range.map(|x| x.min(from - 1)));
        } else if interpolation == Interpolation::Nearest {
            let step = f64::from(from) / f64::from(to);
            // Positions are summed up, with the rounding that this entails.
            let mut position = step * 0.5;
            let positions = (0..range.end).map(|_| {
                let at = position as u32;
                position += step;
                at.min(from - 1)
            });
            self.single(positions.skip(range.start as usize));
        } else {
            self.filtered(interpolation, from, to, range);
        }
        self.rebase();
    }

    fn single(&mut self, positions: impl Iterator<Item = u32>) {
        self.starts.extend(positions);
        self.counts.resize(self.starts.len(), 1);
        for _ in &self.starts {
            self.weights.extend([1 << PRECISION, 0, 0, 0]);
        }
    }

    fn filtered(&mut self, interpolation: Interpolation, from: u32, to: u32, range: Range<u32>) {
        let scale = f64::from(from) / f64::from(to);
        let stretch = scale.max(1.0);
        let support = interpolation.support() * stretch;
        let inverse = 1.0 / stretch;
        let mut bounds = |x: u32| {
            let centre = (f64::from(x) + 0.5) * scale;
            // `as` saturates at 0, and truncates as C does.
            let start = (centre - support + 0.5) as u32;
            let end = ((centre + support + 0.5) as u32).min(from);
            self.starts.push(start);
            self.counts.push(end.saturating_sub(start));
        };
        range.clone().for_each(&mut bounds);
        let taps = self.counts.iter().max().map_or(0, |n| *n as usize);
        self.padded_taps = taps.next_multiple_of(GROUP).max(GROUP);

        for (i, x) in range.enumerate() {
            let centre = (f64::from(x) + 0.5) * scale;
            let (start, count) = (self.starts[i], self.counts[i]);
            self.floats.clear();
            self.floats.extend(
                (start..start + count)
                    .map(|at| interpolation.weight((f64::from(at) - centre + 0.5) * inverse)),
            );
            let sum: f64 = self.floats.iter().fold(0.0, |sum, w| sum + w);
            let done = self.weights.len();
            self.weights.extend(self.floats.iter().map(|w| {
                let w = if sum == 0.0 { *w } else { w / sum };
                let half = if w < 0.0 { -0.5 } else { 0.5 };
                (half + w * f64::from(1 << PRECISION)) as i32
            }));
            self.weights.resize(done + self.padded_taps, 0);
        }
    }

    /// Makes the starts relative to the first, and splits the weights.
    fn rebase(&mut self) {
        let ends = self
            .starts
            .iter()
            .zip(&self.counts)
            .map(|(start, count)| start + count);
        self.end = ends.max().unwrap_or(0) as usize;
        self.first = self.starts.iter().min().map_or(0, |start| *start as usize);
        for start in &mut self.starts {
            *start -= self.first as u32;
        }
        let (groups, _) = self.weights.as_chunks::<GROUP>();
        self.halves.extend(groups.iter().map(|group| {
            std::array::from_fn(|i| {
                if i < GROUP {
                    (group[i] & 0x7fff) as i16
                } else {
                    (group[i - GROUP] >> 15) as i16
                }
            })
        }));
    }

    /// How many output positions the axis has.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether the axis has no output positions.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The first source position that is read.
    pub fn first(&self) -> usize {
        self.first
    }

    /// One past the last source position that is read.
    pub fn end(&self) -> usize {
        self.end
    }

    /// How many source positions the widest output position reads, filled up to whole groups.
    pub fn padded_taps(&self) -> usize {
        self.padded_taps
    }

    /// Whether every output position is a source position, unchanged.
    pub fn is_copy(&self) -> bool {
        self.counts.iter().all(|n| *n == 1)
    }
}
