//! A plain plugin: ordinary WIT functions, which the host calls row by row.

#![cfg(target_arch = "wasm32")]

use std::hash::{DefaultHasher, Hasher};

mod bindings {
    #![allow(
        missing_docs,
        unused_qualifications,
        clippy::all,
        clippy::undocumented_unsafe_blocks,
        clippy::unwrap_used
    )]

    include!("generated.rs");
}

use bindings::exports::test::plain::scaling::{Rounding, Settings};
use bindings::exports::test::plain::{matching, orphans, scaling};
use bindings::{Flavour, Guest, Page, Point, Problem, Refusal, Rights, Shape};

struct Plain;

impl Guest for Plain {
    fn extract(image: Vec<u8>) -> Result<Vec<f32>, String> {
        if image.is_empty() {
            return Err("the picture is empty".to_owned());
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(&image);
        Ok(hasher.finish().to_le_bytes().map(f32::from).to_vec())
    }
    fn add_one(x: i64) -> i64 {
        x.wrapping_add(1)
    }
    fn negate(x: bool) -> bool {
        !x
    }
    fn add_small(a: i8, b: i16) -> i32 {
        i32::from(a) + i32::from(b)
    }
    fn add_unsigned(a: u8, b: u16, c: u32) -> u64 {
        u64::from(a) + u64::from(b) + u64::from(c)
    }
    fn halve(x: f32) -> f64 {
        f64::from(x) / 2.0
    }
    fn shout(text: String) -> String {
        text.to_uppercase()
    }
    fn next_letter(letter: char) -> char {
        char::from_u32(u32::from(letter) + 1).unwrap_or(letter)
    }
    fn length_of(text: Option<String>) -> Option<u32> {
        text.map(|text| text.len() as u32)
    }
    fn sum(numbers: Vec<f64>) -> f64 {
        numbers.iter().sum()
    }
    fn words(text: String) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }
    fn bytes(text: String) -> Vec<u8> {
        text.into_bytes()
    }
    fn middle(a: Point, b: Point) -> Point {
        Point {
            name: format!("{} and {}", a.name, b.name),
            x: f64::midpoint(a.x, b.x),
            y: a.y.zip(b.y).map(|(a, b)| f64::midpoint(a, b)),
        }
    }
    fn parse(text: String) -> Result<i64, String> {
        text.parse().map_err(|error| format!("{text:?}: {error}"))
    }
    fn must(text: String) -> Result<i64, ()> {
        text.parse().map_err(|_| ())
    }
    fn answer() -> u32 {
        42
    }
    fn panics(x: i64) -> i64 {
        assert!(x != 13, "row with {x} in it");
        x
    }
    fn flavoured(x: Flavour) -> Flavour {
        x
    }
    fn allowed(x: Rights) -> Rights {
        x
    }
    fn area(x: Shape) -> f64 {
        match x {
            Shape::Circle(radius) => radius * radius * std::f64::consts::PI,
            Shape::Square(side) => side * side,
            Shape::Nothing => 0.0,
        }
    }
    fn same_shape(x: Shape) -> Shape {
        x
    }
    fn stocks(x: Vec<Flavour>) -> Vec<(Flavour, bool)> {
        x.into_iter().map(|x| (x, x == Flavour::Vanilla)).collect()
    }
    fn size(data: Vec<u8>) -> u64 {
        data.len() as u64
    }
    fn reverse(mut data: Vec<u8>) -> Vec<u8> {
        data.reverse();
        data
    }
    fn decode(data: Vec<u8>) -> Result<String, Problem> {
        match data.len() {
            0 => Err(Problem::Empty),
            1..100 => Ok(String::from_utf8_lossy(&data).into_owned()),
            len => Err(Problem::TooLong(len as u32)),
        }
    }
    fn is_png(data: Vec<u8>) -> bool {
        data.starts_with(b"\x89PNG")
    }
    fn histogram(data: Vec<u8>) -> Vec<u32> {
        let mut counts = vec![0; 256];
        for byte in data {
            counts[usize::from(byte)] += 1;
        }
        counts
    }
    fn lines(data: Vec<u8>) -> Result<Vec<String>, Refusal> {
        let text = String::from_utf8(data).map_err(|error| Refusal {
            code: "unsupported".to_owned(),
            message: "not UTF-8".to_owned(),
            line: error.utf8_error().valid_up_to() as u32,
        })?;
        Ok(text.lines().map(str::to_owned).collect())
    }
    fn head(mut data: Vec<u8>, count: u32) -> Option<Vec<u8>> {
        let count = count as usize;
        (count <= data.len()).then(|| {
            data.truncate(count);
            data
        })
    }
    fn concat(mut a: Vec<u8>, b: Vec<u8>) -> Vec<u8> {
        a.extend(b);
        a
    }
    fn seal(mut data: Vec<u8>, key: String) -> Result<Vec<u8>, ()> {
        if key.is_empty() {
            return Err(());
        }
        for (byte, key) in data.iter_mut().zip(key.bytes().cycle()) {
            *byte ^= key;
        }
        Ok(data)
    }
    fn count(text: String, what: String) -> u32 {
        text.matches(&what).count() as u32
    }
    fn page(html: String) -> Result<Page, Flavour> {
        let Some((title, rest)) = html.split_once('|') else {
            return Err(Flavour::Chocolate);
        };
        let links = rest
            .split_whitespace()
            .filter(|word| word.starts_with("http"));
        Ok(Page {
            title: title.to_owned(),
            words: rest.split_whitespace().count() as u32,
            links: links.map(str::to_owned).collect(),
        })
    }
    fn repeat(text: String, times: u32) -> String {
        text.repeat(times as usize)
    }
    fn scores(text: String, scale: f32) -> Vec<f64> {
        text.bytes()
            .map(|b| f64::from(b) * f64::from(scale))
            .collect()
    }
    fn keep(text: String, really: bool) -> Option<String> {
        really.then_some(text)
    }
    fn blob(bytes: u64) -> Vec<u8> {
        vec![b'x'; bytes as usize]
    }
    fn bools(count: u32) -> Vec<bool> {
        (0..count).map(|i| i % 3 == 0).collect()
    }
    #[allow(clippy::too_many_arguments, reason = "that is what it tests")]
    fn many(
        a: String,
        b: String,
        c: String,
        d: String,
        e: String,
        f: String,
        g: Option<u64>,
        h: Vec<i16>,
        i: f32,
    ) -> String {
        format!("{a}{b}{c}{d}{e}{f} {g:?} {h:?} {i}")
    }
    fn nothing(_: i64) {}
    fn nested(x: Option<Option<u32>>) -> bool {
        x.flatten().is_some()
    }
}

struct Scaler(Settings);

impl scaling::Guest for Plain {
    type Scaler = Scaler;
}

impl scaling::GuestScaler for Scaler {
    fn new(options: Settings) -> Self {
        Self(options)
    }
    fn scale(&self, x: f64) -> f64 {
        let x = x * self.0.factor;
        match self.0.mode {
            Rounding::Up => x.ceil(),
            Rounding::Down => x.floor(),
            Rounding::None => x,
        }
    }
    fn describe(&self) -> String {
        let Settings {
            factor,
            label,
            names,
            ..
        } = &self.0;
        format!("{factor} {label:?} {names:?}")
    }
}

struct Matcher(String);

impl matching::Guest for Plain {
    type Matcher = Matcher;
}

impl matching::GuestMatcher for Matcher {
    fn open(prefix: String, at_least: Option<u8>) -> Result<matching::Matcher, String> {
        if prefix.len() < usize::from(at_least.unwrap_or(1)) {
            return Err(format!("the prefix {prefix:?} is too short"));
        }
        Ok(matching::Matcher::new(Self(prefix)))
    }
    fn matches(&self, text: String) -> bool {
        text.starts_with(&self.0)
    }
}

struct Orphan;

impl orphans::Guest for Plain {
    type Orphan = Orphan;
}

impl orphans::GuestOrphan for Orphan {
    fn touch(&self) -> u32 {
        1
    }
}

bindings::export!(Plain with_types_in bindings);
