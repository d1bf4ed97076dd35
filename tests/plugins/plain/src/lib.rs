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

use bindings::{Flavour, Guest, Point, Rights, Shape};

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
    fn nothing(_: i64) {}
}

bindings::export!(Plain with_types_in bindings);
