use wudf_guest::Row;

#[derive(Row)]
struct Entry {
    key: char,
    value: i64,
}

fn main() {}
