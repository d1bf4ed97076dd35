use std::collections::HashMap;

use wudf_guest::udf;

#[udf]
fn count(words: HashMap<String, i64>, limit: i64) -> i64 {
    limit + words.len() as i64
}

fn main() {}
