//! The `flashdelta` program; see the library of the same package.

use std::process::ExitCode;

fn main() -> ExitCode {
    flashdelta_cli::run()
}
