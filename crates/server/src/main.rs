//! `waybill`: the program. Everything it does is in the library.

use std::process::ExitCode;

/// Chosen because a router allocates many small short-lived buffers on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::main(std::env::args_os())
}
