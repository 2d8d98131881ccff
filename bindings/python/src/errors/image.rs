//! What goes wrong with a firmware file.

use flashdelta::door::ConvertError;
use flashdelta::image::ImageError;
use pyo3::prelude::*;

use super::exception::Exception;
use crate::remedy;

/// A firmware file could not be read or written.
pub(crate) fn image(py: Python<'_>, error: &ImageError) -> PyErr {
    image_as(py, error, &error.to_string(), false)
}

/// A firmware file could not be converted.
pub(crate) fn convert(py: Python<'_>, error: &ConvertError) -> PyErr {
    match error {
        ConvertError::File(error) => image(py, error),
        _ => Exception::new(py, "OptionError", error.code())
            .advised(error.remedy())
            .raise(&error.to_string()),
    }
}

/// The same, with this message. `read`: the options are in a dictionary of that name.
pub(super) fn image_as(py: Python<'_>, error: &ImageError, message: &str, read: bool) -> PyErr {
    let new = || {
        let mut new = Exception::new(py, "ImageError", error.code());
        new.advice = error.remedy().as_ref().and_then(|remedy| remedy::of_records(remedy, read));
        new
    };
    let exception = match *error {
        ImageError::NoRecord { line, column, found } => {
            new().field("line", line).field("column", column).field("found", found)
        }
        ImageError::BadDigit { line, column, found } => {
            new().field("line", line).field("column", column).field("found", found)
        }
        ImageError::BadLength { line, column, expected, found } => new()
            .field("line", line)
            .field("column", column)
            .field("expected", expected)
            .field("found", found),
        ImageError::BadChecksum { line, column, expected, found } => new()
            .field("line", line)
            .field("column", column)
            .field("expected", expected)
            .field("found", found),
        ImageError::Utf16 => new(),
        ImageError::ShortCount { line, column, least, found } => new()
            .field("line", line)
            .field("column", column)
            .field("least", least)
            .field("found", found),
        ImageError::BadBlock { block, offset, problem, found } => new()
            .field("block", block)
            .field("offset", offset)
            .field("problem", problem)
            .field("found", found),
        ImageError::MissingBlock { number, total, found, block, offset } => new()
            .field("number", number)
            .field("total", total)
            .field("found", found)
            .field("block", block)
            .field("offset", offset),
        ImageError::UnknownRecord { line, column, found, .. } => {
            new().field("line", line).field("column", column).field("found", found)
        }
        ImageError::BadRecord { line, column, problem } => {
            new().field("line", line).field("column", column).field("problem", problem)
        }
        ImageError::BadCount { line, column, expected, found } => new()
            .field("line", line)
            .field("column", column)
            .field("expected", expected)
            .field("found", found),
        ImageError::AddressOverflow { line, column, address } => {
            new().field("line", line).field("column", column).field("address", address)
        }
        ImageError::Overlap { line, column, address } => {
            new().field("line", line).field("column", column).field("address", address)
        }
        ImageError::WordAddresses { line, column, address } => {
            new().field("line", line).field("column", column).field("address", address)
        }
        ImageError::DataAfterEnd { line, column } => {
            new().field("line", line).field("column", column)
        }
        ImageError::MissingEnd { line, .. } => new().field("line", line),
        ImageError::NotStrict { line, problem } => {
            new().field("line", line).field("problem", problem)
        }
        ImageError::BadContainer { format, offset, problem } => {
            new().field("format", format.name()).field("offset", offset).field("problem", problem)
        }
        ImageError::PackedTooLarge { format, found, limit } => {
            new().field("format", format.name()).field("found", found).field("limit", limit)
        }
        ImageError::Empty => new(),
        ImageError::Unwritable { format, problem } => {
            new().field("format", format.name()).field("problem", problem)
        }
        ImageError::TooLarge { needed, limit } => {
            new().field("needed", needed).field("limit", limit)
        }
        ImageError::BadTemplate { offset, problem } => {
            new().field("offset", offset).field("problem", problem)
        }
        _ => new(),
    };
    exception.raise(message)
}
