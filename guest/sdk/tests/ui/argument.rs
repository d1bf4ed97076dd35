use std::time::Instant;

use wudf_guest::udf;

#[udf]
fn seconds(since: Instant, limit: i64) -> i64 {
    limit.min(since.elapsed().as_secs() as i64)
}

fn main() {}
