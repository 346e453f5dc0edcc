//! The `nextbest` command.

fn main() -> std::process::ExitCode {
    nextbest::main()
}
