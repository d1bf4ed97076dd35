use wudf_guest::udf;

#[udf]
fn parse(text: &str) -> std::net::IpAddr {
    text.parse().unwrap()
}

fn main() {}
