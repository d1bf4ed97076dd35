use wudf_guest::{OptionValue, Row, UdfOptions};

#[derive(Row)]
struct Pair(i64, i64);

#[derive(Row)]
enum Either {
    A,
    B,
}

#[derive(Row)]
struct Generic<T> {
    x: T,
}

#[derive(UdfOptions)]
struct Options {
    #[option(defualt = 1)]
    x: i64,
}

#[derive(OptionValue)]
enum Choice {
    Some(i64),
}

#[derive(OptionValue)]
struct Struct {
    x: i64,
}

fn main() {}
