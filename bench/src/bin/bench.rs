//! `bench`: the report behind `make bench`, and `make soak`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::bench()
}
