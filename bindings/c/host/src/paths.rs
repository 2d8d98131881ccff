//! Strings from C.

use core::ffi::{c_char, CStr};
use std::path::PathBuf;

use flashdelta_c_abi::flashdelta_status::*;

use crate::error::Failure;

/// A name.
///
/// # Errors
///
/// NULL, or not UTF-8.
///
/// # Safety
///
/// If it is not NULL, a string that ends with a NUL is there.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise.
    let text = unsafe { string(text)? };
    text.to_str().map_err(|_| Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, "a name is not UTF-8"))
}

/// A path: any bytes on Unix, UTF-8 elsewhere.
///
/// # Errors
///
/// NULL, or not UTF-8 where it has to be.
///
/// # Safety
///
/// If it is not NULL, a string that ends with a NUL is there.
pub(crate) unsafe fn path(path: *const c_char) -> Result<PathBuf, Failure> {
    // SAFETY: the caller's promise.
    let path = unsafe { string(path)? };
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        Ok(PathBuf::from(std::ffi::OsStr::from_bytes(path.to_bytes())))
    }
    #[cfg(not(unix))]
    path.to_str()
        .map(PathBuf::from)
        .map_err(|_| Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, "a path is not UTF-8"))
}

/// # Safety
///
/// If it is not NULL, a string that ends with a NUL is there.
unsafe fn string<'a>(text: *const c_char) -> Result<&'a CStr, Failure> {
    if text.is_null() {
        return Err(FLASHDELTA_ERR_NULL_POINTER.into());
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { CStr::from_ptr(text) })
}
