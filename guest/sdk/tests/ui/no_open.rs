use wudf_guest::udf;

struct Counter {
    start: i64,
}

#[udf]
impl Counter {
    fn count(&self, x: i64) -> i64 {
        self.start + x
    }
}

fn main() {}
