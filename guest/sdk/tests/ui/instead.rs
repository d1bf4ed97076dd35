use std::collections::HashMap;

use wudf_guest::{Row, udf};

#[udf]
fn length(text: &str) -> usize {
    text.len()
}

#[udf]
fn letter(text: &str, index: usize) -> Option<String> {
    text.chars().nth(index).map(String::from)
}

#[udf]
fn sum(items: Vec<Option<i128>>) -> i64 {
    items.len() as i64
}

#[udf]
fn counts(text: &str) -> HashMap<&str, u32> {
    HashMap::from([(text, 1)])
}

#[derive(Row)]
struct Count<'a> {
    word: &'a str,
    count: isize,
}

fn main() {}
