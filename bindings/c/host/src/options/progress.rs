//! Who is told how far the work has come.

use core::ffi::c_void;

use flashdelta_c_abi::flashdelta_status;

use super::{flashdelta_options, set};
use crate::progress::{flashdelta_progress_fn, Reporter};

/// A function to be told how far the work has come, and to be asked whether to go on.
///
/// @param options to be changed
/// @param progress called every now and then while a patch is made or applied; NULL: none (the
///     default)
/// @param user passed to it; may be NULL. What it points to must live as long as these options are
///     used
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules; the function can be called from other threads, one call at a time.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_progress(
    options: *mut flashdelta_options,
    progress: flashdelta_progress_fn,
    user: *mut c_void,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.progress = progress.map(|call| Reporter::new(call, user));
            Ok(())
        })
    }
}
