//! JPEGs of four components that are subsampled in a way which the decoder does not put together itself. Pillow writes these:
//! cyan in full, and magenta, yellow and black of half the size.

use libjpeg_turbo_rs::decode::upsample;
use libjpeg_turbo_rs::{ColorSpace, Decoder, FrameHeader};

use super::{convert, jpeg};
use crate::error::Error;

const NAME: &str = "JPEG";

/// Decodes into RGB.
pub(super) fn decode_cmyk(decoder: Decoder<'_>, bytes: &[u8], rgb: &mut [u8]) -> Result<(), Error> {
    let unsupported = || Error::unsupported(NAME, "this subsampling of four components");
    if decoder.jpeg_color_space() != ColorSpace::Cmyk {
        return Err(unsupported());
    }
    let factors = factors(decoder.header()).ok_or_else(unsupported)?;
    let (raw, warnings) = decoder.decode_raw_with_warnings().map_err(jpeg::error)?;
    jpeg::check_warnings(bytes, &warnings)?;
    let (width, height) = (raw.width, raw.height);
    let planes: Vec<Plane> = raw
        .planes
        .into_iter()
        .zip(raw.plane_widths)
        .zip(factors)
        .map(|((samples, stride), factor)| Plane { samples, stride }.whole(width, height, factor))
        .collect();
    let [c, m, y, k] = &planes[..] else {
        return Err(unsupported());
    };
    for (row, out) in rgb.chunks_exact_mut(width * 3).enumerate() {
        let [c, m, y, k] = [c, m, y, k].map(|plane| &plane.samples[row * plane.stride..]);
        for (x, pixel) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            // Pillow takes every such file to be inverted, as Adobe's are.
            *pixel = convert::cmyk([c[x], m[x], y[x], k[x]].map(|ink| !ink));
        }
    }
    Ok(())
}

/// By how much each component is to be enlarged, across and down, if that is something libjpeg does by its usual filter.
fn factors(frame: &FrameHeader) -> Option<Vec<(u8, u8)>> {
    let across = frame
        .components
        .iter()
        .map(|c| c.horizontal_sampling)
        .max()?;
    let down = frame.components.iter().map(|c| c.vertical_sampling).max()?;
    let factor = |sampling: u8, most: u8| {
        most.is_multiple_of(sampling.max(1))
            .then(|| most / sampling.max(1))
    };
    frame
        .components
        .iter()
        .map(|c| {
            let factor = (
                factor(c.horizontal_sampling, across)?,
                factor(c.vertical_sampling, down)?,
            );
            matches!(factor, (1, 1) | (2, 1) | (2, 2)).then_some(factor)
        })
        .collect()
}

struct Plane {
    samples: Vec<u8>,
    stride: usize,
}

impl Plane {
    /// Of the picture's size, or a little more.
    fn whole(self, width: usize, height: usize, (across, down): (u8, u8)) -> Self {
        if (across, down) == (1, 1) {
            return self;
        }
        let columns = width.div_ceil(2);
        let rows = height.div_ceil(down.into());
        let stride = columns * 2;
        let mut samples = vec![0; stride * rows * usize::from(down)];
        if columns <= 2 {
            // Too narrow for the filter: libjpeg repeats.
            for (y, out) in samples.chunks_exact_mut(stride).enumerate() {
                let row = &self.samples[y / usize::from(down) * self.stride..];
                for (x, out) in out.iter_mut().enumerate() {
                    *out = row[x / 2];
                }
            }
        } else if down == 2 {
            upsample::fancy_h2v2_strided(
                &self.samples,
                columns,
                self.stride,
                rows,
                &mut samples,
                stride,
            );
        } else {
            for (row, out) in self
                .samples
                .chunks(self.stride)
                .zip(samples.chunks_exact_mut(stride))
            {
                upsample::fancy_h2v1(row, columns, out, stride);
            }
        }
        Self { samples, stride }
    }
}
