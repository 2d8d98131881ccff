//! Errors: a number to return, and a text that is kept.

use core::cell::RefCell;
use core::ffi::c_char;
use core::fmt;
use core::panic::AssertUnwindSafe;
use std::ffi::CString;
use std::panic::catch_unwind;
use std::path::Path;

use flashdelta::apply::ApplyError;
use flashdelta::bundle::BundleError;
use flashdelta::diff::DiffError;
use flashdelta::file::{FileError, MakeError};
use flashdelta::image::ImageError;
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{flashdelta_error_detail, flashdelta_strerror};

thread_local! {
    static LAST: RefCell<Option<CString>> = const { RefCell::new(None) };
}

/// What the last error of this thread was, in words: what, where, expected, found, what to do.
///
/// @return UTF-8, never NULL. It belongs to the library, and is valid until this thread calls
/// another function of this header. Empty if the last one of them
///     succeeded. Functions named flashdelta_applier_... do not set it: they have
///     flashdelta_applier_last_error()
///
/// May be called from any thread; every thread has its own.
#[no_mangle]
pub extern "C" fn flashdelta_last_error() -> *const c_char {
    LAST.with_borrow(|text| text.as_ref().map_or(c"".as_ptr(), |text| text.as_ptr()))
}

/// Why a function failed.
pub(crate) struct Failure {
    status: flashdelta_status,
    message: String,
}

impl Failure {
    pub(crate) fn new(status: flashdelta_status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// A file could not be used. `verb`: read, write, ...
    pub(crate) fn file(verb: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(FLASHDELTA_ERR_FILE, format!("cannot {verb} {}: {error}", path.display()))
    }
}

/// What a number says, if there is no more to say.
impl From<flashdelta_status> for Failure {
    fn from(status: flashdelta_status) -> Self {
        // SAFETY: the function returns strings that live for ever.
        let text = unsafe { core::ffi::CStr::from_ptr(flashdelta_strerror(status as i32)) };
        Self::new(status, text.to_string_lossy())
    }
}

impl From<DiffError> for Failure {
    fn from(error: DiffError) -> Self {
        let status = match &error {
            DiffError::TooLarge { .. } => FLASHDELTA_ERR_IMAGES_TOO_LARGE,
            DiffError::ProfileTooSmall { .. } => FLASHDELTA_ERR_PROFILE_TOO_SMALL,
            DiffError::BadProfile { .. } => FLASHDELTA_ERR_INVALID_ARGUMENT,
            DiffError::CodecNotInProfile { .. } | DiffError::InstructionSetNotInProfile { .. } => {
                FLASHDELTA_ERR_NOT_IN_PROFILE
            }
            DiffError::CodecNotBuilt { .. } => FLASHDELTA_ERR_CODEC_NOT_BUILT,
            DiffError::Cancelled => FLASHDELTA_ERR_CANCELLED,
            _ => FLASHDELTA_ERR_DOES_NOT_FIT,
        };
        Self::new(status, error.to_string())
    }
}

impl From<MakeError> for Failure {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Diff(error) => error.into(),
            error => Self::new(FLASHDELTA_ERR_FIRMWARE_FILE, error.to_string()),
        }
    }
}

impl<O: fmt::Display, N: fmt::Display> From<ApplyError<O, N>> for Failure {
    fn from(error: ApplyError<O, N>) -> Self {
        Self::new(flashdelta_error_detail::of(&error).status, error.to_string())
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::new(FLASHDELTA_ERR_FIRMWARE_FILE, error.to_string())
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let status = match &error {
            FileError::Apply(error) => flashdelta_error_detail::of(error).status,
            FileError::OldFile(_) => FLASHDELTA_ERR_FIRMWARE_FILE,
            FileError::HostSection { .. } => FLASHDELTA_ERR_HOST_SECTION,
            FileError::NeedsOldText => FLASHDELTA_ERR_NEEDS_OLD_TEXT,
            FileError::NewFileMismatch { .. } => FLASHDELTA_ERR_NEW_FILE_MISMATCH,
            FileError::Convert(_) => FLASHDELTA_ERR_CANNOT_CONVERT,
            _ => FLASHDELTA_ERR_BAD_PATCH,
        };
        Self::new(status, error.to_string())
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        let status = match &error {
            BundleError::OldMismatch { .. } => FLASHDELTA_ERR_OLD_MISMATCH,
            BundleError::NewMismatch { .. } => FLASHDELTA_ERR_NEW_MISMATCH,
            BundleError::NotABundle { .. } => FLASHDELTA_ERR_NOT_A_PATCH,
            BundleError::UnsupportedVersion { .. } => FLASHDELTA_ERR_UNSUPPORTED_VERSION,
            BundleError::UnknownFeature { .. } => FLASHDELTA_ERR_UNSUPPORTED_FEATURE,
            error => flashdelta_error_detail::of_class(error.class()),
        };
        Self::new(status, error.to_string())
    }
}

/// The frame of every function: no panic leaves it, and the text of an error is kept.
pub(crate) fn guard(work: impl FnOnce() -> Result<(), Failure>) -> flashdelta_status {
    // What `work` has borrowed is not looked at after a panic.
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or(panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("no message");
        Err(Failure::new(
            FLASHDELTA_ERR_PANIC,
            format!("flashdelta panicked: {text}; please report it"),
        ))
    });
    let (status, text) = match outcome {
        Ok(()) => (FLASHDELTA_OK, None),
        Err(failure) => (failure.status, CString::new(failure.message.replace('\0', " ")).ok()),
    };
    LAST.set(text);
    status
}
