use wudf_guest::udf;

#[udf]
fn nothing(x: i64) {
    println!("{x}");
}

#[udf]
fn generic<T>(x: T) -> i64 {
    0
}

#[udf]
async fn waits(x: i64) -> i64 {
    x
}

#[udf]
fn pattern((a, b): (i64, i64)) -> i64 {
    a + b
}

#[udf]
fn changes(x: &mut [u8]) -> i64 {
    0
}

#[udf]
fn opaque(x: impl Into<i64>) -> i64 {
    x.into()
}

#[udf(nmae = "x")]
fn misspelled(x: i64) -> i64 {
    x
}

#[udf(name = "no spaces")]
fn spaces(x: i64) -> i64 {
    x
}

#[udf(volatility = "sometimes")]
fn sometimes(x: i64) -> i64 {
    x
}

#[udf]
struct Neither;

fn main() {}
