use wudf_guest::udf;

#[udf]
fn length(text: &str) -> usize {
    text.len()
}

fn main() {}
