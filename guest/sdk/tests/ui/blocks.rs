use wudf_guest::udf;

struct NoRow;

#[udf]
impl NoRow {
    fn open() -> Self {
        Self
    }
}

struct TwoRows;

#[udf]
impl TwoRows {
    fn one(&self, x: i64) -> i64 {
        x
    }
    fn two(&self, x: i64) -> i64 {
        x
    }
}

struct Helper;

#[udf]
impl Helper {
    fn row(&self, x: i64) -> i64 {
        Self::help(x)
    }
    fn help(x: i64) -> i64 {
        x
    }
}

struct Consumes;

#[udf]
impl Consumes {
    fn row(self, x: i64) -> i64 {
        x
    }
}

#[derive(Default)]
struct Twice;

#[udf(models = ["a"])]
impl Twice {
    fn models(_: &()) -> Vec<String> {
        vec![]
    }
    fn row(&self, x: i64) -> i64 {
        x
    }
}

fn main() {}
