use wudf_guest::Enum;

#[derive(Enum)]
enum Data {
    Some(i64),
}

#[derive(Enum)]
struct Struct {
    x: i64,
}

#[derive(Enum)]
enum Empty {}

#[derive(Enum)]
enum Twice {
    AB,
    #[value(name = "ab")]
    Other,
}

#[derive(Enum)]
enum Unknown {
    #[value(rename = "a")]
    A,
}

fn main() {}
