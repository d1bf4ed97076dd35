use wudf_guest::udf;

struct Options {
    size: u32,
}

struct Plain;

#[udf]
impl Plain {
    fn open(options: Options) -> Self {
        let _ = options.size;
        Self
    }
    fn row(&self, x: i64) -> i64 {
        x
    }
}

fn main() {}
