//! The program `wudf`.
fn main() {}
