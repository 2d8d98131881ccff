//! What is in a set of C, and who may use it when.

use core::mem::ManuallyDrop;
use core::ptr::addr_of_mut;

use flashdelta::apply::{ErrorClass, SoftwareSha256};
use flashdelta::nor::{Records, SlotError};
use flashdelta::update::set::{ComponentUpdate, SetError, SetUpdate, SetUpdateError};

use super::{flashdelta_set, FLASHDELTA_NO_COMPONENT};
use crate::callbacks::{Fault, Region};
use crate::components::{Lent, Parts};
use crate::detail::flashdelta_error_detail as Detail;
use crate::flashdelta_status::{self, *};
use crate::pointers::{check, Span};
use crate::verifier::Callback;

pub(crate) type Record = Records<Region, &'static mut [u8]>;
pub(super) type Update = SetUpdate<'static, Parts, Record, Callback>;
pub(super) type Component = ComponentUpdate<'static, 'static, Parts, Record, SoftwareSha256>;
pub(super) type Failure = SetUpdateError<Fault, Fault, Fault, SlotError<Fault>>;

/// What is in a [`flashdelta_set`].
pub(super) struct State {
    /// One of the numbers below.
    pub(super) phase: u32,
    /// Memory that is lent: itself, the index, the buffer of the record, workspace and chunks, and
    /// the buffer of the component's flash.
    pub(super) lent: Lent,
    /// In all phases but `FAILED` and `EMPTY`.
    pub(super) update: ManuallyDrop<Update>,
    pub(super) content: Content,
}

/// Either or: they are not there at the same time.
#[repr(C)]
pub(super) union Content {
    /// In the phase `COMPONENT`. It borrows the update, which must not be touched meanwhile.
    pub(super) component: ManuallyDrop<Component>,
    /// Else: the last error.
    pub(super) failed: Failed,
}

/// How a set failed, and at which component.
#[derive(Clone, Copy)]
pub(super) struct Failed {
    pub(super) detail: Detail,
    pub(super) component: u32,
}

impl Failed {
    pub(super) const NOT: Self =
        Self { detail: Detail::new(FLASHDELTA_OK), component: FLASHDELTA_NO_COMPONENT };
}

const _: () = assert!(size_of::<State>() <= size_of::<flashdelta_set>());
const _: () = assert!(align_of::<State>() <= align_of::<flashdelta_set>());

/// Takes the index, or has it. Numbers that uninitialised memory does not hold by accident.
pub(super) const READY: u32 = 0xF1A5_DE30;
/// A component is being written.
pub(super) const COMPONENT: u32 = 0xF1A5_DE31;
/// Inside a call: callbacks may be running.
pub(super) const BUSY: u32 = 0xF1A5_DE32;
/// Failed; only the detail is left.
pub(super) const FAILED: u32 = 0xF1A5_DE33;
/// Nothing is in it.
pub(super) const EMPTY: u32 = 0;

/// The state, if the set is in this phase.
///
/// # Safety
///
/// If `set` is neither NULL nor misaligned, it is a flashdelta_set.
pub(super) unsafe fn enter(
    set: *mut flashdelta_set,
    wanted: u32,
) -> Result<*mut State, flashdelta_status> {
    check(set)?;
    let state = set.cast::<State>();
    // SAFETY: not NULL, and aligned and large enough for a State, as the assertions above say.
    match unsafe { (*state).phase } {
        phase if phase == wanted => Ok(state),
        READY | COMPONENT => Err(FLASHDELTA_ERR_WRONG_ORDER),
        BUSY => Err(FLASHDELTA_ERR_BUSY),
        FAILED => Err(FLASHDELTA_ERR_FAILED_BEFORE),
        _ => Err(FLASHDELTA_ERR_NOT_INITIALISED),
    }
}

/// The update of a state in the phase `READY`, which is busy from now on.
///
/// # Safety
///
/// `enter` gave the state, for this phase.
pub(super) unsafe fn update<'a>(state: *mut State) -> &'a mut Update {
    // SAFETY: the phase says that it is there, and that nothing borrows it. The reference covers
    // that field only: callbacks that call back look at the phase.
    unsafe {
        addr_of_mut!((*state).phase).write(BUSY);
        &mut *addr_of_mut!((*state).update)
    }
}

/// The component of a state in the phase `COMPONENT`, which is busy from now on.
///
/// # Safety
///
/// As for [`update`].
pub(super) unsafe fn component<'a>(state: *mut State) -> &'a mut Component {
    // SAFETY: as above.
    unsafe {
        addr_of_mut!((*state).phase).write(BUSY);
        &mut *addr_of_mut!((*state).content.component)
    }
}

/// The call is over: the phase from now on.
///
/// # Safety
///
/// `enter` gave the state, and what the phase promises is there.
pub(super) unsafe fn leave(state: *mut State, phase: u32) {
    // SAFETY: the caller's promise.
    unsafe { addr_of_mut!((*state).phase).write(phase) };
}

/// Keeps an error, and goes to this phase. What was in the component's place is gone.
///
/// # Safety
///
/// As for [`leave`]; the component is not used any more.
#[inline(never)] // One copy in the device's flash; so below.
pub(super) unsafe fn fail(state: *mut State, phase: u32, error: &Failure) -> flashdelta_status {
    let failed = failed(error);
    // SAFETY: the caller's promise.
    unsafe {
        addr_of_mut!((*state).content).write(Content { failed });
        leave(state, phase);
    }
    failed.detail.status
}

/// Refuses input that overlaps what is lent.
///
/// # Safety
///
/// `enter` gave the state.
pub(super) unsafe fn check_input(state: *mut State, data: &[u8]) -> Result<(), flashdelta_status> {
    let input = Span::of(data.as_ptr(), data.len());
    // SAFETY: the caller's promise.
    let lent = unsafe { (*state).lent };
    match lent.iter().any(|span| span.overlaps(input)) {
        true => Err(FLASHDELTA_ERR_INVALID_ARGUMENT),
        false => Ok(()),
    }
}

/// What is known of an error.
#[inline(never)]
pub(super) fn failed(error: &Failure) -> Failed {
    let at = |component: &u8, detail| Failed { detail, component: (*component).into() };
    match error {
        SetUpdateError::Set(error) => refused(error),
        SetUpdateError::Old { component, error }
        | SetUpdateError::Component { component, error } => at(component, (*error).into()),
        SetUpdateError::Payload { component, error } => at(component, error.into()),
        SetUpdateError::Record(SlotError::OutOfSlot) => {
            Failed { detail: Detail::new(FLASHDELTA_ERR_STORE_TOO_SMALL), ..Failed::NOT }
        }
        SetUpdateError::Record(error) => {
            let fault = Fault { status: FLASHDELTA_ERR_SET_RECORD, ..Fault::from(*error) };
            Failed { detail: fault.into(), ..Failed::NOT }
        }
        _ => Failed { detail: Detail::new(FLASHDELTA_ERR_INTERNAL), ..Failed::NOT },
    }
}

/// What is known of a set that is refused.
fn refused(error: &SetError) -> Failed {
    let of = |status, expected, found| Detail::new(status).numbers(0, expected, found);
    let (component, detail) = match *error {
        SetError::NotASet { offset, found } => {
            (None, Detail::new(FLASHDELTA_ERR_NOT_A_SET).numbers(offset, 0, found.into()))
        }
        SetError::Index(ref error) => (None, error.into()),
        SetError::Verify(ref error) => (None, error.into()),
        SetError::WrongProduct { set, device } => {
            (None, of(FLASHDELTA_ERR_WRONG_PRODUCT, set, device))
        }
        SetError::WrongHardware { from, to, device } => {
            let detail = Detail::new(FLASHDELTA_ERR_WRONG_HARDWARE);
            (None, detail.numbers(to.into(), from.into(), device.into()))
        }
        SetError::Rollback { set, device } => (None, of(FLASHDELTA_ERR_ROLLBACK, device, set)),
        SetError::WrongComponent { component, expected, found } => {
            let detail = Detail::new(FLASHDELTA_ERR_WRONG_COMPONENT).digests(&expected, &found);
            (Some(component), detail)
        }
        SetError::TooLong { component, needed, capacity } => {
            (Some(component), of(FLASHDELTA_ERR_NEW_TOO_LONG, needed, capacity))
        }
        SetError::BufferTooSmall { needed, found } => {
            (None, of(FLASHDELTA_ERR_INDEX_BUFFER_TOO_SMALL, needed, found))
        }
        SetError::RamTooSmall { needed, found } => {
            (None, of(FLASHDELTA_ERR_WORKSPACE_TOO_SMALL, needed, found))
        }
        SetError::HardwareUnknown { component } => {
            (Some(component), Detail::new(FLASHDELTA_ERR_HARDWARE_UNKNOWN))
        }
        SetError::UnknownComponent { component } => {
            (Some(component), Detail::new(FLASHDELTA_ERR_UNKNOWN_COMPONENT))
        }
        SetError::NotAbsent { component } => {
            (Some(component), Detail::new(FLASHDELTA_ERR_NOT_ABSENT))
        }
        SetError::Missing { component } => {
            (Some(component), Detail::new(FLASHDELTA_ERR_COMPONENT_MISSING))
        }
        SetError::WrongPayload { component } => {
            (Some(component), Detail::new(FLASHDELTA_ERR_WRONG_PAYLOAD))
        }
        SetError::NoIdentity => (None, Detail::new(FLASHDELTA_ERR_NO_IDENTITY)),
        SetError::Incomplete { at } => {
            (None, Detail::new(FLASHDELTA_ERR_TRUNCATED).numbers(at, 0, 0))
        }
        SetError::NotRecovered => (None, Detail::new(FLASHDELTA_ERR_NOT_RECOVERED)),
        SetError::Poisoned => (None, Detail::new(FLASHDELTA_ERR_FAILED_BEFORE)),
        // What is newer than this list still has a class.
        _ => (None, Detail::new(Detail::of_class(ErrorClass::BadPatch))),
    };
    Failed { detail, component: component.map_or(FLASHDELTA_NO_COMPONENT, u32::from) }
}
