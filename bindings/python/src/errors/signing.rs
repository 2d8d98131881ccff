//! What goes wrong with signatures and keys.

use flashdelta::verify::VerifyError;
use flashdelta::Remedy;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::exception::Exception;

/// A patch is not authentic.
pub(super) fn verify(py: Python<'_>, error: VerifyError) -> PyErr {
    let new = |class| Exception::new(py, class, error.code()).advised(error.remedy());
    let exception = match error {
        VerifyError::Unsigned => new("UnsignedError"),
        VerifyError::UnknownKey { key_id } => {
            new("UnknownKeyError").field("key_id", PyBytes::new(py, &key_id))
        }
        VerifyError::WrongSignature { key_id } => {
            new("WrongSignatureError").field("key_id", PyBytes::new(py, &key_id))
        }
        VerifyError::WrongTable => new("WrongChunkError"),
        VerifyError::WrongChunk { index, start, end } => {
            new("WrongChunkError").field("index", index).field("start", start).field("end", end)
        }
        VerifyError::BufferTooSmall { needed, found } => {
            new("OutOfRamError").field("needed", needed).field("found", found)
        }
        _ => new("NotAuthenticError"),
    };
    exception.raise(&error.to_string())
}

/// There is no key, or no signature.
pub(crate) fn signing(py: Python<'_>, code: &str, remedy: Option<Remedy>, message: &str) -> PyErr {
    let class = match code {
        "truncated" => "TruncatedError",
        "trailing-input" => "TrailingInputError",
        "wrong-table" => "WrongChunkError",
        "wrong-signature" => "WrongSignatureError",
        "bad-key" | "no-signature" => "KeyFileError",
        "no-random-numbers" => "FileError",
        _ => "OptionError",
    };
    Exception::new(py, class, code).advised(remedy).raise(message)
}
