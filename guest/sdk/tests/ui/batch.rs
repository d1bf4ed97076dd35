use wudf_guest::{Column, udf};

#[udf(batch)]
fn rows(texts: &str) -> Vec<u64> {
    vec![texts.len() as u64]
}

#[udf(batch)]
fn one(texts: Column<'_, &str>) -> u64 {
    texts.len() as u64
}

#[udf(batch = 0)]
fn none(texts: Column<'_, &str>) -> Vec<u64> {
    vec![texts.len() as u64]
}

#[udf]
fn forgotten(texts: Column<'_, &str>) -> Vec<u64> {
    vec![texts.len() as u64]
}

fn main() {}
