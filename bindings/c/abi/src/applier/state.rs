//! What is in an applier of C, and who may use it when.

use core::mem::ManuallyDrop;
use core::ptr::addr_of_mut;

#[cfg(not(feature = "verify"))]
use flashdelta::apply::Applier;
#[cfg(feature = "verify")]
use flashdelta::verify::Guard;

use super::flashdelta_applier;
use crate::callbacks::{NewSlot, Old};
use crate::detail::flashdelta_error_detail;
use crate::flashdelta_status::{self, *};
use crate::pointers::{check, Span};
#[cfg(feature = "verify")]
use crate::verifier::Callback;

/// What is in a [`flashdelta_applier`].
pub(crate) struct State {
    /// One of the numbers below.
    pub(super) phase: u32,
    /// Memory that is lent: the workspace, the buffer of the flash, and that of the guard.
    pub(crate) lent: [Span; 3],
    pub(crate) content: Content,
}

/// Either or: they are not there at the same time.
#[repr(C)]
pub(crate) union Content {
    /// In the phases `READY` and `BUSY`.
    pub(crate) applier: ManuallyDrop<Inner>,
    /// In the phase `FAILED`.
    pub(super) detail: flashdelta_error_detail,
}

/// It checks nothing of its own before it is told to.
#[cfg(feature = "verify")]
pub(crate) type Inner = Guard<'static, 'static, Old, NewSlot, Callback>;
#[cfg(not(feature = "verify"))]
pub(crate) type Inner = Applier<'static, Old, NewSlot>;

const _: () = assert!(size_of::<State>() <= size_of::<flashdelta_applier>());
// The RAM that patches state includes an applier without a guard, and without values for holes.
#[cfg(all(target_pointer_width = "32", not(feature = "verify"), not(feature = "holes")))]
const _: () = assert!(size_of::<State>() <= flashdelta::APPLIER_BYTES);
const _: () = assert!(align_of::<State>() <= align_of::<flashdelta_applier>());

/// Takes input. Numbers that uninitialised memory does not hold by accident.
pub(super) const READY: u32 = 0xF1A5_DE10;
/// Inside a call: callbacks may be running.
pub(super) const BUSY: u32 = 0xF1A5_DE11;
/// Failed; only the detail is left.
pub(super) const FAILED: u32 = 0xF1A5_DE12;
/// Nothing is in it.
pub(super) const EMPTY: u32 = 0;

#[cfg(feature = "suspend")]
/// An applier inside a call that does not end the update.
pub(crate) struct AtWork(*mut State);

#[cfg(feature = "suspend")]
impl AtWork {
    /// Does something with it; meanwhile it is busy.
    pub(crate) fn with<T>(
        self,
        work: impl FnOnce(&mut Inner) -> Result<T, flashdelta_status>,
    ) -> Result<T, flashdelta_status> {
        // SAFETY: `at_work` has found the phase READY, so the applier is initialised. The reference
        // covers that field only: callbacks that call back look at the phase.
        let inner: &mut Inner = unsafe {
            addr_of_mut!((*self.0).phase).write(BUSY);
            &mut *addr_of_mut!((*self.0).content.applier)
        };
        let outcome = work(inner);
        // SAFETY: as above.
        unsafe { addr_of_mut!((*self.0).phase).write(READY) };
        outcome
    }
}

#[cfg(feature = "suspend")]
/// The applier, if it is initialised and free.
///
/// # Safety
///
/// As for [`enter`].
pub(crate) unsafe fn at_work(
    applier: *mut flashdelta_applier,
) -> Result<AtWork, flashdelta_status> {
    // SAFETY: the caller's promise.
    unsafe { enter(applier) }.map(AtWork)
}

/// The state, if the applier is initialised and free.
///
/// # Safety
///
/// If `applier` is neither NULL nor misaligned, it is a flashdelta_applier.
pub(crate) unsafe fn enter(
    applier: *mut flashdelta_applier,
) -> Result<*mut State, flashdelta_status> {
    check(applier)?;
    let state = applier.cast::<State>();
    // SAFETY: not NULL, and aligned and large enough for a State, as the assertions above say.
    match unsafe { (*state).phase } {
        READY => Ok(state),
        BUSY => Err(FLASHDELTA_ERR_BUSY),
        FAILED => Err(FLASHDELTA_ERR_FAILED_BEFORE),
        _ => Err(FLASHDELTA_ERR_NOT_INITIALISED),
    }
}

/// Ends an update that has failed: frees what the applier holds, keeps the detail.
///
/// # Safety
///
/// The applier is initialised, and no reference to it is used any more.
#[inline(never)] // What it needs of the stack is not needed while callbacks run.
pub(super) unsafe fn fail(state: *mut State, detail: flashdelta_error_detail) -> flashdelta_status {
    // SAFETY: the caller's promise; afterwards the phase says that the applier is no longer
    // initialised.
    unsafe {
        ManuallyDrop::drop(&mut *addr_of_mut!((*state).content.applier));
        addr_of_mut!((*state).content).write(Content { detail });
        addr_of_mut!((*state).phase).write(FAILED);
    }
    detail.status
}
