//! The `flashdelta` program inside Python.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the program with arguments (the first one is its name) and gives the exit code.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| flashdelta_cli::run_with(arguments))
}
