use wudf_guest::udf;

#[udf]
fn red(pixel: [u8; 3]) -> i64 {
    pixel[0].into()
}

fn main() {}
