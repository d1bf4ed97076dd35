//! Interlaced PNGs of every colour type and depth, written here: Adam7's seven passes, all five filters, and sizes at which
//! passes are empty.

use image_features::decode::{Limits, decode};
use image_features::recipe::{Recipe, Resize, Size};
use image_features::transform::Preprocessor;

use crate::windows::bmp;

/// A colour type and a depth that PNG has.
#[derive(Clone, Copy, Debug)]
struct Kind {
    colour_type: u8,
    bits: u8,
}

impl Kind {
    fn all() -> impl Iterator<Item = Self> {
        let kinds: [(u8, &[u8]); 5] = [
            (0, &[1, 2, 4, 8, 16]),
            (2, &[8, 16]),
            (3, &[1, 2, 4, 8]),
            (4, &[8, 16]),
            (6, &[8, 16]),
        ];
        kinds.into_iter().flat_map(|(colour_type, depths)| {
            depths.iter().map(move |&bits| Self { colour_type, bits })
        })
    }

    fn channels(self) -> usize {
        match self.colour_type {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        }
    }

    /// What Pillow makes of a pixel.
    fn rgb(self, pixel: &[u16]) -> [u8; 3] {
        let grey = |v: u16| [v as u8; 3];
        // Of 16 bits Pillow keeps the upper 8, but clips pure grey.
        let upper = |v: u16| (if self.bits == 16 { v >> 8 } else { v }) as u8;
        match self.colour_type {
            0 if self.bits == 16 => grey(pixel[0].min(255)),
            0 => grey((u32::from(pixel[0]) * 255 / ((1 << self.bits) - 1)) as u16),
            3 => colour(pixel[0]),
            4 => [upper(pixel[0]); 3],
            _ => [upper(pixel[0]), upper(pixel[1]), upper(pixel[2])],
        }
    }
}

/// The palette's colour of an index.
fn colour(index: u16) -> [u8; 3] {
    [
        (index * 37) as u8,
        255 - index as u8,
        (index * 101 + 7) as u8,
    ]
}

/// A picture's samples, pixel by pixel.
struct Drawing {
    kind: Kind,
    width: usize,
    height: usize,
    samples: Vec<u16>,
}

impl Drawing {
    /// Noise: no two neighbours may be mistaken for each other.
    fn noise(kind: Kind, width: usize, height: usize) -> Self {
        let mut state = (width * 1000 + height) as u32;
        let samples = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16 & ((1_u32 << kind.bits) - 1) as u16
        });
        Self {
            kind,
            width,
            height,
            samples: samples.take(width * height * kind.channels()).collect(),
        }
    }

    fn pixel(&self, x: usize, y: usize) -> &[u16] {
        let channels = self.kind.channels();
        &self.samples[(y * self.width + x) * channels..][..channels]
    }

    fn rgb(&self) -> Vec<u8> {
        let pixels = self.samples.chunks_exact(self.kind.channels());
        pixels.flat_map(|pixel| self.kind.rgb(pixel)).collect()
    }

    /// The file, interlaced or not.
    fn png(&self, interlaced: bool) -> Vec<u8> {
        let whole = [(0, 1, 0, 1)];
        // First column, columns from one to the next, and the same of rows.
        let adam7 = [
            (0, 8, 0, 8),
            (4, 8, 0, 8),
            (0, 4, 4, 8),
            (2, 4, 0, 4),
            (0, 2, 2, 4),
            (1, 2, 0, 2),
            (0, 1, 1, 2),
        ];
        let passes: &[_] = if interlaced { &adam7 } else { &whole };
        let bytes_per_pixel = (self.kind.channels() * usize::from(self.kind.bits)).div_ceil(8);
        let mut data = Vec::new();
        let mut filter = 0;
        for &(left, right, top, down) in passes {
            let mut above: Option<Vec<u8>> = None;
            for y in (top..self.height).step_by(down) {
                let columns = (left..self.width).step_by(right);
                let samples = columns.flat_map(|x| self.pixel(x, y).iter().copied());
                let row = packed(samples, self.kind.bits);
                // A pass of no columns has no rows either.
                if row.is_empty() {
                    break;
                }
                let above = above
                    .replace(row.clone())
                    .unwrap_or_else(|| vec![0; row.len()]);
                data.push(filter);
                data.extend(filtered(&row, &above, bytes_per_pixel, filter));
                filter = (filter + 1) % 5;
            }
        }
        let mut header = Vec::new();
        header.extend((self.width as u32).to_be_bytes());
        header.extend((self.height as u32).to_be_bytes());
        header.extend([
            self.kind.bits,
            self.kind.colour_type,
            0,
            0,
            interlaced.into(),
        ]);
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut file, b"IHDR", &header);
        if self.kind.colour_type == 3 {
            let colours: Vec<u8> = (0..1 << self.kind.bits).flat_map(colour).collect();
            chunk(&mut file, b"PLTE", &colours);
        }
        chunk(&mut file, b"IDAT", &zlib(&data));
        chunk(&mut file, b"IEND", &[]);
        file
    }
}

/// Samples of less than a byte from its upper end down, of two bytes the upper one first.
fn packed(samples: impl Iterator<Item = u16>, bits: u8) -> Vec<u8> {
    let mut row = Vec::new();
    let mut free = 0;
    for sample in samples {
        match bits {
            16 => row.extend(sample.to_be_bytes()),
            8 => row.push(sample as u8),
            bits => {
                if free == 0 {
                    row.push(0);
                    free = 8;
                }
                free -= bits;
                if let Some(last) = row.last_mut() {
                    *last |= (sample as u8) << free;
                }
            }
        }
    }
    row
}

/// None, Sub, Up, Average or Paeth.
fn filtered(row: &[u8], above: &[u8], distance: usize, filter: u8) -> Vec<u8> {
    let before = |row: &[u8], i: usize| i.checked_sub(distance).map_or(0, |i| row[i]);
    let predicted = |i: usize| {
        let (left, up, corner) = (before(row, i), above[i], before(above, i));
        match filter {
            0 => 0,
            1 => left,
            2 => up,
            3 => u16::midpoint(left.into(), up.into()) as u8,
            _ => {
                let [a, b, c] = [left, up, corner].map(i32::from);
                let near = |v: i32| (a + b - c - v).abs();
                if near(a) <= near(b) && near(a) <= near(c) {
                    left
                } else if near(b) <= near(c) {
                    up
                } else {
                    corner
                }
            }
        }
    };
    (0..row.len())
        .map(|i| row[i].wrapping_sub(predicted(i)))
        .collect()
}

/// Blocks that are stored, not compressed.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.chunks(0xffff).count();
    for (i, block) in data.chunks(0xffff).enumerate() {
        out.push(u8::from(i + 1 == blocks));
        out.extend((block.len() as u16).to_le_bytes());
        out.extend((!(block.len() as u16)).to_le_bytes());
        out.extend(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend(data);
    let crc = !file[start..].iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 * (crc & 1))
        })
    });
    file.extend(crc.to_be_bytes());
}

fn drawings() -> impl Iterator<Item = Drawing> {
    let sizes = (1..=9).flat_map(|width| (1..=9).map(move |height| (width, height)));
    let sizes: Vec<(usize, usize)> = sizes.chain([(33, 17), (40, 64)]).collect();
    Kind::all().flat_map(move |kind| {
        sizes
            .clone()
            .into_iter()
            .map(move |(width, height)| Drawing::noise(kind, width, height))
    })
}

#[test]
fn every_colour_type_depth_and_size() {
    for drawing in drawings() {
        for interlaced in [false, true] {
            let picture = decode(&drawing.png(interlaced), &Limits::default(), false)
                .expect("a picture of the test");
            assert!(
                picture.data == drawing.rgb(),
                "{:?}, {} x {}, interlaced: {interlaced}",
                drawing.kind,
                drawing.width,
                drawing.height
            );
        }
    }
}

/// One preprocessor, whose buffers have seen other pictures.
#[test]
fn tensors_do_not_depend_on_pictures_before() {
    let recipe = Recipe {
        resize: Resize::Short(16),
        crop: Size::square(16),
        ..Recipe::default()
    };
    let mut preprocessor = Preprocessor::<f32>::new(recipe.clone()).expect("a recipe");
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for drawing in drawings() {
        let (width, height) = (drawing.width as u32, drawing.height as u32);
        Preprocessor::<f32>::new(recipe.clone())
            .expect("a recipe")
            .tensor(&bmp(width, height, &drawing.rgb()), &mut expected)
            .expect("a picture of the test");
        for interlaced in [true, false] {
            preprocessor
                .tensor(&drawing.png(interlaced), &mut found)
                .expect("a picture of the test");
            assert!(
                found == expected,
                "{:?}, {width} x {height}, interlaced: {interlaced}",
                drawing.kind
            );
        }
    }
}
