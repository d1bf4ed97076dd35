use wudf_guest::{Row, UdfOptions};

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

#[derive(Row)]
struct Renamed {
    #[row(rename = "y")]
    x: i64,
}

#[derive(Row)]
struct Metadata {
    #[row(extension_metadata = "{}")]
    x: i64,
}

fn main() {}
