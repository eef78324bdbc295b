//! Load generators and the report behind `make bench`.

fn main() {}
