use wudf_guest::udf;

#[derive(Debug)]
struct Silent;

#[udf]
fn parse(text: &str) -> Result<i64, Silent> {
    text.parse().map_err(|_| Silent)
}

fn main() {}
