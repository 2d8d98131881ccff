//! Progress, told to a callback that may cancel.

use core::ffi::c_void;
use core::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

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
    /// Locked for each call, so that there is only one at a time.
    user: Arc<Mutex<User>>,
}

struct User(*mut c_void);

// SAFETY: the library never reads what the pointer points to; the header says that it is handed to
// threads of the library, one at a time.
unsafe impl Send for User {}

impl Reporter {
    /// One that calls this function with `user`.
    pub(crate) fn new(
        call: unsafe extern "C" fn(*mut c_void, u32, f32) -> i32,
        user: *mut c_void,
    ) -> Self {
        Self { call, user: Arc::new(Mutex::new(User(user))) }
    }

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
