//! The `flashdelta` program; see the library of the same package.

#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

/// What the loader calls before `main`: Rust's start opens `/dev/null` as standard output if that
/// is closed, and nobody can tell afterwards.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
#[used]
#[cfg_attr(target_os = "linux", link_section = ".init_array")]
#[cfg_attr(target_vendor = "apple", link_section = "__DATA,__mod_init_func")]
static BEFORE_MAIN: extern "C" fn() = look_at_standard_output;

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
extern "C" fn look_at_standard_output() {
    flashdelta_cli::look_at_standard_output();
}

fn main() -> ExitCode {
    flashdelta_cli::run()
}
