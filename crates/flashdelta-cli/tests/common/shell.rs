//! The program in a shell.

use std::path::Path;
use std::process::Command;

/// Runs a shell with `$F` for the program: exit code, and what was told on standard output and
/// standard error.
pub(crate) fn shell(folder: &Path, script: &str) -> (Option<i32>, String, String) {
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder)
        .env("F", env!("CARGO_BIN_EXE_flashdelta"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}
