//! Who is told what is patched otherwise than it seems to be meant.

use core::ffi::c_void;

use flashdelta_c_abi::flashdelta_status;

use super::{flashdelta_options, set};
use crate::warnings::{flashdelta_warning_fn, Listener};

/// A function to be told of inputs that are patched differently from what they seem to be.
///
/// @param options to be changed
/// @param warning called by flashdelta_make() and flashdelta_make_file() before they return, in the
///     same thread, once for each warning; NULL: none (the default)
/// @param user passed to it; may be NULL. What it points to must live as long as these options are
///     used
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_warning(
    options: *mut flashdelta_options,
    warning: flashdelta_warning_fn,
    user: *mut c_void,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.warning = warning.map(|call| Listener { call, user });
            Ok(())
        })
    }
}
