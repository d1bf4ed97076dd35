use wudf_guest::udf;

#[udf]
fn letter(text: &str, index: usize) -> Option<String> {
    text.chars().nth(index).map(String::from)
}

fn main() {}
