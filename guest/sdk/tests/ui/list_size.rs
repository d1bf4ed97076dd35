use wudf_guest::udf;

#[derive(Default)]
struct Number;

#[udf]
impl Number {
    fn list_size(_: &()) -> u32 {
        3
    }
    fn row(&self, x: i64) -> i64 {
        x
    }
}

fn main() {}
