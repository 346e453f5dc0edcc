//! Tells the program what it was built with and for, which model cards say.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "unknown".into());
    let rustc = Command::new(variable("RUSTC")).arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    // rustc 1.95.0 (59807616e 2026-04-14)
    println!("cargo::rustc-env=NEXTBEST_RUSTC={}", rustc.split(' ').nth(1).unwrap_or("unknown").trim());
    println!("cargo::rustc-env=NEXTBEST_TARGET={}", variable("TARGET"));
}
