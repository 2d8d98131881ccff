//! Files.

use std::path::Path;

use flashdelta::apply::write_file;
use flashdelta_c_abi::flashdelta_status::*;

use crate::error::Failure;

/// Reads a file as it is.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::file("read", path, &error))
}

/// Writes a file whole: under a temporary name, which is changed once everything is on the disk.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_file(path, bytes).map_err(|error| Failure::file("write", path, &error))
}

/// An output must not be an input.
pub(crate) fn check_output(output: &Path, inputs: &[&Path]) -> Result<(), Failure> {
    let same = |path: &Path| std::fs::canonicalize(path).ok();
    let output_path = same(output);
    if output_path.is_some() && inputs.iter().any(|input| same(input) == output_path) {
        return Err(Failure::new(
            FLASHDELTA_ERR_FILE,
            format!("{} is also an input", output.display()),
        ));
    }
    Ok(())
}
