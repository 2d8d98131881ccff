//! Errors: a number to return, and a text that is kept.

use core::cell::RefCell;
use core::ffi::c_char;
use core::panic::AssertUnwindSafe;
use std::ffi::CString;
use std::panic::catch_unwind;
use std::path::Path;

use flashdelta::bundle::BundleError;
use flashdelta::door::{ConvertError, DoorError, PatchError};
use flashdelta::holes::{HoleError, HoleSyntaxError};
use flashdelta::image::ImageError;
use flashdelta::profile::ProfileError;
use flashdelta::{InputError, Remedy};
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{flashdelta_error_detail, flashdelta_strerror};

use crate::remedy;

thread_local! {
    static LAST: RefCell<Option<CString>> = const { RefCell::new(None) };
}

/// What the last error of this thread was, in words: what, where, expected, found, what to do.
///
/// @return UTF-8, never NULL. It belongs to the library, and is valid until this thread calls
///     another function of this header. Empty if the last one of them succeeded. Functions named
///     flashdelta_applier_... do not set it: they have flashdelta_applier_last_error()
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

    /// Says what to do.
    fn remedied(mut self, remedy: Option<Remedy>) -> Self {
        if let Some(words) = remedy.as_ref().and_then(remedy::words) {
            self.message.push_str("; ");
            self.message.push_str(&words);
        }
        self
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

/// Errors of the library: the number is that of their code.
macro_rules! failures {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let status = flashdelta_error_detail::of_code(error.code(), error.class());
                Self::new(status, error.to_string()).remedied(error.remedy())
            }
        })*
    };
}

failures!(
    DoorError,
    PatchError,
    ConvertError,
    InputError,
    ImageError,
    BundleError,
    HoleError,
    HoleSyntaxError,
    ProfileError
);

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
