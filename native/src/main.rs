//! The `nextbest` command.

/// Features of many customers are many small vectors: 7 % less time than with the system's allocator (`make
/// bench-data`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    nextbest::main()
}
