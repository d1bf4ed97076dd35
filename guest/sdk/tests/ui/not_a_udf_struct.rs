struct Plain;

wudf_guest::plugin!(Plain);

fn main() {}
