fn plain(x: i64) -> i64 {
    x
}

wudf_guest::plugin!(plain);

fn main() {}
