use wudf_guest::udf;

struct Wrong;

#[udf]
impl Wrong {
    fn open() -> Option<Self> {
        Some(Self)
    }
    fn row(&self, x: i64) -> i64 {
        x
    }
}

fn main() {}
