//! The demo's own pictures: six families of four, so that nearest neighbours can be judged by eye.

use std::f32::consts::TAU;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context as _, Result};
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

const WIDTH: u32 = 480;
const HEIGHT: u32 = 360;

/// Red, green and blue from 0 to 1.
type Colour = [f32; 3];

/// One picture: what is at a point, x from 0 to 4/3 and y from 0, the top, to 1.
pub struct Picture {
    pub file: &'static str,
    /// For those who do not see it.
    pub alt: &'static str,
    paint: Box<dyn Fn(f32, f32) -> Colour>,
}

/// All pictures, in the order of their names.
pub fn pictures() -> Vec<Picture> {
    let mut pictures = Vec::new();
    let mut add = |file, alt, paint: Box<dyn Fn(f32, f32) -> Colour>| {
        pictures.push(Picture { file, alt, paint })
    };

    let hills = |hour: Hour| Box::new(move |x, y| hills(x, y, &hour));
    add(
        "hills-dawn.jpg",
        "hills at dawn",
        hills(Hour::new(
            0x8fa8c8,
            0xf6c9a8,
            0xfff1d0,
            0x5f6f7a,
            (0.30, 0.52),
        )),
    );
    add(
        "hills-dusk.jpg",
        "hills at dusk",
        hills(Hour::new(
            0x4a3b6b,
            0xf08a5d,
            0xffd39a,
            0x3f3350,
            (1.00, 0.55),
        )),
    );
    add(
        "hills-night.jpg",
        "hills at night",
        hills(Hour::new(
            0x0a1128,
            0x22335c,
            0xf2f2e6,
            0x0d1b2a,
            (0.95, 0.20),
        )),
    );
    add(
        "hills-noon.jpg",
        "hills at noon",
        hills(Hour::new(
            0x3f8fd2,
            0xbfe0f2,
            0xffffee,
            0x3f7d43,
            (0.70, 0.15),
        )),
    );

    add(
        "plot-area.png",
        "an area chart on white",
        Box::new(|x, y| chart(x, y, Chart::Area)),
    );
    add(
        "plot-bars.png",
        "a bar chart on white",
        Box::new(|x, y| chart(x, y, Chart::Bars)),
    );
    add(
        "plot-line.png",
        "a line chart on white",
        Box::new(|x, y| chart(x, y, Chart::Lines)),
    );
    add(
        "plot-scatter.png",
        "a scatter plot on white",
        Box::new(|x, y| chart(x, y, Chart::Scatter)),
    );

    let dots =
        |paper, ink, period, radius| Box::new(move |x, y| polka(x, y, paper, ink, period, radius));
    add(
        "polka-amber.png",
        "amber dots on dark green",
        dots(rgb(0x14342b), rgb(0xe3a72f), 0.11, 0.34),
    );
    add(
        "polka-coral.png",
        "coral dots on dark blue",
        dots(rgb(0x1b2a41), rgb(0xef6f6c), 0.09, 0.32),
    );
    add(
        "polka-cream.png",
        "cream dots on plum",
        dots(rgb(0x3c1642), rgb(0xf4e8c1), 0.13, 0.30),
    );
    add(
        "polka-mint.png",
        "mint dots on black",
        dots(rgb(0x171717), rgb(0x9fe2bf), 0.10, 0.36),
    );

    let rings =
        |one, other, count, x0, y0| Box::new(move |x, y| rings(x, y, one, other, count, (x0, y0)));
    add(
        "rings-blue.jpg",
        "blue and white rings",
        rings(rgb(0xf3f7fb), rgb(0x2767a8), 11.0, 0.66, 0.50),
    );
    add(
        "rings-green.jpg",
        "green and white rings",
        rings(rgb(0xf5f8ef), rgb(0x3f8d50), 9.0, 0.50, 0.42),
    );
    add(
        "rings-grey.jpg",
        "grey and white rings",
        rings(rgb(0xf6f6f4), rgb(0x6b6b6b), 13.0, 0.80, 0.60),
    );
    add(
        "rings-violet.jpg",
        "violet and white rings",
        rings(rgb(0xf8f5fb), rgb(0x7b4fa3), 10.0, 0.70, 0.36),
    );

    let sea = |hour: Hour| Box::new(move |x, y| sea(x, y, &hour));
    add(
        "sea-day.jpg",
        "the sea by day",
        sea(Hour::new(
            0x5aa9e6,
            0xcfe8f7,
            0xffffff,
            0x1f6f8b,
            (0.66, 0.14),
        )),
    );
    add(
        "sea-evening.jpg",
        "the sea in the evening",
        sea(Hour::new(
            0x5b4b8a,
            0xf29e6d,
            0xffe0a3,
            0x2d3a5f,
            (0.72, 0.45),
        )),
    );
    add(
        "sea-moonlight.jpg",
        "the sea in moonlight",
        sea(Hour::new(
            0x060b1a,
            0x1c2c4c,
            0xf5f3e4,
            0x0a1730,
            (0.55, 0.18),
        )),
    );
    add(
        "sea-morning.jpg",
        "the sea in the morning",
        sea(Hour::new(
            0x9cc5d9,
            0xf9dcc4,
            0xfff6e0,
            0x4d7c8a,
            (0.60, 0.42),
        )),
    );

    let stripes = |a, b, c, turn, period| {
        Box::new(move |x, y| stripes(x, y, [rgb(a), rgb(b), rgb(c)], turn, period))
    };
    add(
        "stripes-brick.png",
        "diagonal stripes in brick red",
        stripes(0x9c3d2e, 0xf2e3d5, 0xd97b4f, 0.125, 0.20),
    );
    add(
        "stripes-flag.png",
        "upright stripes in red and white",
        stripes(0xb3202a, 0xfaf5ef, 0xd8574b, 0.0, 0.24),
    );
    add(
        "stripes-narrow.png",
        "narrow diagonal stripes in red",
        stripes(0xc8402f, 0xf9efe3, 0x8c2f39, 0.125, 0.12),
    );
    add(
        "stripes-rose.png",
        "slanted stripes in rose",
        stripes(0xd1495b, 0xfbeae6, 0x9c2c45, 0.06, 0.18),
    );
    pictures
}

impl Picture {
    /// Paints the picture into a folder, in the format that its name says.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join(self.file);
        let image = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
            // The mean of four points in each pixel makes edges smooth.
            let mut sum = [0.0; 3];
            for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                let colour = (self.paint)(
                    (x as f32 + dx) / HEIGHT as f32,
                    (y as f32 + dy) / HEIGHT as f32,
                );
                sum.iter_mut().zip(colour).for_each(|(s, c)| *s += c / 4.0);
            }
            Rgb(sum.map(|c| (c.clamp(0.0, 1.0) * 255.0).round() as u8))
        });
        let saved = if self.file.ends_with(".png") {
            image.save(&path)
        } else {
            let file =
                File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
            image.write_with_encoder(JpegEncoder::new_with_quality(BufWriter::new(file), 92))
        };
        saved.with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The colours of a time of day, and where its light is.
struct Hour {
    zenith: Colour,
    horizon: Colour,
    light: Colour,
    ground: Colour,
    sun: (f32, f32),
}

impl Hour {
    fn new(zenith: u32, horizon: u32, light: u32, ground: u32, sun: (f32, f32)) -> Self {
        Self {
            zenith: rgb(zenith),
            horizon: rgb(horizon),
            light: rgb(light),
            ground: rgb(ground),
            sun,
        }
    }

    fn sky(&self, x: f32, y: f32, horizon: f32) -> Colour {
        let sky = mix(
            self.zenith,
            self.horizon,
            (y / horizon).clamp(0.0, 1.0).powf(1.3),
        );
        let distance = (x - self.sun.0).hypot(y - self.sun.1);
        let glow = mix(sky, self.light, 0.55 * (-distance * 5.0).exp());
        mix(glow, self.light, step(0.052, 0.046, distance))
    }
}

fn hills(x: f32, y: f32, hour: &Hour) -> Colour {
    let mut colour = hour.sky(x, y, 0.72);
    for layer in 0..4 {
        let l = layer as f32;
        let ridge = 0.50 + 0.12 * l
            - 0.055 * (x * (3.1 + l) + 1.7 * l).sin()
            - 0.03 * (x * (7.3 + 2.0 * l) + 0.9 * l).sin()
            - 0.008 * noise(x * 40.0, l);
        let texture = 0.06 * noise(x * 90.0, y * 90.0 + l * 17.0);
        let haze = mix(hour.ground, hour.horizon, 0.62 - 0.2 * l);
        let hill = mix(haze, [0.0; 3], 0.06 * l + texture.max(0.0));
        colour = mix(colour, hill, step(ridge - 0.003, ridge + 0.003, y));
    }
    colour
}

fn sea(x: f32, y: f32, hour: &Hour) -> Colour {
    let horizon = 0.5;
    let sky = hour.sky(x, y, horizon);
    if y < horizon {
        return sky;
    }
    let depth = (y - horizon) / (1.0 - horizon);
    // Waves look longer the nearer they are.
    let wave = (60.0 / (0.25 + depth) + 9.0 * noise(x * 6.0, depth * 30.0)).sin()
        * noise(x * 14.0, depth * 70.0);
    let water = mix(
        mix(hour.horizon, hour.ground, 0.35 + 0.65 * depth.sqrt()),
        hour.light,
        0.10 * wave.max(0.0),
    );
    let path = (-((x - hour.sun.0) / (0.05 + 0.16 * depth)).powi(2)).exp();
    mix(
        water,
        hour.light,
        path * (0.35 + 0.5 * wave).clamp(0.0, 0.85),
    )
}

fn stripes(x: f32, y: f32, colours: [Colour; 3], turn: f32, period: f32) -> Colour {
    let (sin, cos) = (turn * TAU).sin_cos();
    let phase = ((x * cos + y * sin) / period).rem_euclid(1.0);
    let thread = 1.0 - 0.05 * (0.5 + 0.5 * noise(x * 160.0, y * 160.0));
    let colour = if phase < 0.45 {
        colours[0]
    } else if phase < 0.9 {
        colours[1]
    } else {
        colours[2]
    };
    colour.map(|c| c * thread)
}

fn polka(x: f32, y: f32, paper: Colour, ink: Colour, period: f32, radius: f32) -> Colour {
    let row = (y / period).floor();
    let shift = if row.rem_euclid(2.0) < 1.0 { 0.0 } else { 0.5 };
    let (dx, dy) = (
        (x / period + shift).rem_euclid(1.0) - 0.5,
        (y / period).rem_euclid(1.0) - 0.5,
    );
    mix(paper, ink, step(radius + 0.02, radius - 0.02, dx.hypot(dy)))
}

fn rings(x: f32, y: f32, paper: Colour, ink: Colour, count: f32, centre: (f32, f32)) -> Colour {
    let distance = (x - centre.0).hypot(y - centre.1);
    mix(
        paper,
        ink,
        step(-0.35, 0.35, (distance * count * TAU).sin()),
    )
}

#[derive(Clone, Copy)]
enum Chart {
    Area,
    Bars,
    Lines,
    Scatter,
}

fn chart(x: f32, y: f32, kind: Chart) -> Colour {
    let (left, right, top, bottom) = (0.12, 1.24, 0.08, 0.88);
    let paper = rgb(0xfdfdfb);
    if !(left..right).contains(&x) || !(top..bottom).contains(&y) {
        let axis = ((x - left).abs() < 0.004 && (top..bottom + 0.004).contains(&y))
            || ((y - bottom).abs() < 0.004 && (left..right).contains(&x));
        return if axis { rgb(0x444444) } else { paper };
    }
    let (u, v) = ((x - left) / (right - left), (bottom - y) / (bottom - top));
    let grid = (v * 5.0).fract() < 0.015;
    let mut colour = if grid { rgb(0xdddddd) } else { paper };
    let curve = |u: f32, k: f32| {
        0.42 + 0.25 * (u * 5.0 + k).sin() * (0.4 + u) + 0.09 * (u * 17.0 + 2.0 * k).sin()
    };
    match kind {
        Chart::Area => {
            for (k, ink) in [(0.0, 0x4c78a8), (2.2, 0x72b7b2)] {
                if v < curve(u, k) {
                    colour = mix(colour, rgb(ink), 0.75);
                }
            }
        }
        Chart::Bars => {
            let bar = (u * 12.0).floor();
            let height = 0.25 + 0.6 * (0.5 + 0.5 * noise(bar * 3.7, 5.0));
            if (0.15..0.85).contains(&(u * 12.0).fract()) && v < height {
                colour = rgb(0x4c78a8);
            }
        }
        Chart::Lines => {
            for (k, ink) in [(0.0, 0x4c78a8), (2.2, 0xe45756), (4.0, 0x54a24b)] {
                let slope = (curve(u + 0.001, k) - curve(u, k)) / 0.001 * 0.8 / 1.12;
                let distance = (v - curve(u, k)).abs() / slope.hypot(1.0);
                colour = mix(colour, rgb(ink), step(0.011, 0.007, distance));
            }
        }
        Chart::Scatter => {
            for point in 0..90 {
                let p = point as f32;
                let u0 = 0.5 + 0.5 * noise(p * 1.31, 11.0);
                let v0 = (0.15 + 0.6 * u0 + 0.16 * noise(p * 2.17, 23.0)).clamp(0.02, 0.98);
                let distance = ((u - u0) * 1.4).hypot(v - v0);
                let ink = if point % 3 == 0 { 0xe45756 } else { 0x4c78a8 };
                colour = mix(colour, rgb(ink), step(0.017, 0.012, distance));
            }
        }
    }
    colour
}

fn rgb(hex: u32) -> Colour {
    [16, 8, 0].map(|shift| ((hex >> shift) & 0xff) as f32 / 255.0)
}

fn mix(a: Colour, b: Colour, t: f32) -> Colour {
    let t = t.clamp(0.0, 1.0);
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t)
}

/// From 0 at `from` to 1 at `to`, smoothly.
fn step(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Value noise from -1 to 1.
fn noise(x: f32, y: f32) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let (fx, fy) = (step(0.0, 1.0, x - x0), step(0.0, 1.0, y - y0));
    let at = |dx: i64, dy: i64| {
        // SplitMix64 over the lattice.
        let mut z = ((x0 as i64 + dx) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ ((y0 as i64 + dy) as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let top = at(0, 0) + (at(1, 0) - at(0, 0)) * fx;
    let bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * fx;
    top + (bottom - top) * fy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_painted_in_both_formats() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = pictures();
        assert_eq!(pictures.len(), 24);
        assert!(pictures.is_sorted_by_key(|picture| picture.file));
        for picture in pictures
            .iter()
            .filter(|p| ["plot-bars.png", "sea-day.jpg"].contains(&p.file))
        {
            picture.save(folder.path()).unwrap();
            let image = image::open(folder.path().join(picture.file)).unwrap();
            assert_eq!((image.width(), image.height()), (WIDTH, HEIGHT));
        }
    }
}
