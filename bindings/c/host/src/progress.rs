//! Progress, told to a callback that may cancel.

use core::ffi::c_void;
use core::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use flashdelta_c_abi::flashdelta_status;

use crate::options::{flashdelta_options, set};

/// What the library is doing when it calls a flashdelta_progress_fn.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum flashdelta_phase {
    /// The maker: finding out what is common to both images.
    FLASHDELTA_PHASE_MATCH = 0,
    /// The maker: choosing what to copy.
    FLASHDELTA_PHASE_PARSE = 1,
    /// The maker: coding.
    FLASHDELTA_PHASE_ENCODE = 2,
    /// Applying.
    FLASHDELTA_PHASE_APPLY = 3,
}

/// Tells how far the work has come.
///
/// `user` is what was given to flashdelta_options_set_progress(), `phase` one of flashdelta_phase,
/// `fraction` the part of the whole work that is done, 0 to 1. Returns 0 to go on, anything else to
/// give up: the function at work then returns #FLASHDELTA_ERR_CANCELLED.
///
/// The maker calls it from threads of its own, one call at a time. It must not leave by longjmp()
/// or a C++ exception.
pub type flashdelta_progress_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, phase: u32, fraction: f32) -> i32>;

/// A progress callback.
#[derive(Clone)]
pub(crate) struct Reporter {
    call: unsafe extern "C" fn(*mut c_void, u32, f32) -> i32,
    /// Locked for each call, so that there is but one at a time.
    user: Arc<Mutex<User>>,
}

struct User(*mut c_void);

// SAFETY: the library never looks behind the pointer; the header says that it is handed to threads
// of the library, one at a time.
unsafe impl Send for User {}

impl Reporter {
    /// Tells, and asks whether to go on.
    pub(crate) fn report(&self, phase: flashdelta_phase, fraction: f32) -> ControlFlow<()> {
        let user = self.user.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: who set the callback promised that it can be called so.
        match unsafe { (self.call)(user.0, phase as u32, fraction) } {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}

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
            options.progress =
                progress.map(|call| Reporter { call, user: Arc::new(Mutex::new(User(user))) });
            Ok(())
        })
    }
}
