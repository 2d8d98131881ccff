//! Warnings, reported to a callback: inputs that are patched differently from what their name or
//! format suggests.

use core::ffi::{c_char, c_void};
use std::ffi::CString;

use flashdelta::door::{FileWarning, Side};

/// Is told of inputs that are patched differently from what their name or format suggests: the
/// patch is right, but may be larger than necessary.
///
/// `user` is what was given to flashdelta_options_set_warning(), `is_new` whether it is about the
/// new file (1) or the old one (0), `code` a stable name such as "same" (docs/errors.md lists
/// them), `text` the same for people. Both strings are valid until it returns. It must not leave
/// by longjmp() or a C++ exception.
pub type flashdelta_warning_fn = Option<
    unsafe extern "C" fn(user: *mut c_void, is_new: i32, code: *const c_char, text: *const c_char),
>;

/// A callback for warnings.
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    pub(crate) call: unsafe extern "C" fn(*mut c_void, i32, *const c_char, *const c_char),
    pub(crate) user: *mut c_void,
}

// SAFETY: the library never reads what the pointer points to, and calls back only in the thread
// that has called it.
unsafe impl Send for Listener {}
// SAFETY: as above.
unsafe impl Sync for Listener {}

impl Listener {
    /// Tells one warning.
    pub(crate) fn tell(&self, warning: &FileWarning) {
        let is_new = i32::from(warning.side == Side::New);
        let string = |text: &str| CString::new(text.replace('\0', " ")).unwrap_or_default();
        let (code, text) = (string(warning.what.code()), string(&warning.what.to_string()));
        // SAFETY: who set the callback promised that it can be called so.
        unsafe { (self.call)(self.user, is_new, code.as_ptr(), text.as_ptr()) }
    }
}
