use wudf_guest::Row;

#[derive(Row)]
struct Entry {
    key: std::net::IpAddr,
    value: i64,
}

fn main() {}
