use std::time::Duration;

use wudf_guest::UdfOptions;

#[derive(UdfOptions)]
struct Options {
    timeout: Duration,
    #[option(default = "many")]
    count: u32,
}

fn main() {}
