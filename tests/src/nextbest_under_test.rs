//! The command line as a program of this crate, so that its tests can run it.

fn main() -> std::process::ExitCode {
    nextbest::main()
}
