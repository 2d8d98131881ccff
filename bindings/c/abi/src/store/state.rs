//! What is in a store of C, and who may use it when.

use core::mem::ManuallyDrop;
use core::ptr::addr_of_mut;

use flashdelta::apply::SoftwareSha256;
use flashdelta::nor::SlotError;
use flashdelta::receive::{Store, StoreError};

use super::flashdelta_store;
use crate::callbacks::{Fault, Region};
use crate::detail::flashdelta_error_detail;
use crate::flashdelta_status::{self, *};
use crate::pointers::check;
use crate::verifier::Callback;

pub(super) type Inner = Store<'static, Region, &'static mut [u8], SoftwareSha256>;

/// What is in a [`flashdelta_store`].
pub(super) struct State {
    pub(super) phase: u32,
    pub(super) key: Option<Callback>,
    pub(super) store: ManuallyDrop<Inner>,
}

const _: () = assert!(size_of::<State>() <= size_of::<flashdelta_store>());
const _: () = assert!(align_of::<State>() <= align_of::<flashdelta_store>());

/// Numbers that uninitialised memory does not hold by accident.
pub(super) const READY: u32 = 0xF1A5_DE20;
/// Inside a call: callbacks may be running.
pub(super) const BUSY: u32 = 0xF1A5_DE21;

/// Uses an open store.
///
/// # Safety
///
/// `store` is NULL, or points to what its type says.
pub(super) unsafe fn with<T>(
    store: *mut flashdelta_store,
    call: impl FnOnce(&mut Inner) -> Result<T, StoreError<Fault>>,
) -> Result<T, flashdelta_status> {
    check(store)?;
    let state = store.cast::<State>();
    // SAFETY: not NULL, aligned; once the phase is READY, the rest is there.
    unsafe {
        match (*state).phase {
            READY => {}
            BUSY => return Err(FLASHDELTA_ERR_BUSY),
            _ => return Err(FLASHDELTA_ERR_NOT_INITIALISED),
        }
        addr_of_mut!((*state).phase).write(BUSY);
        let result = call(&mut *addr_of_mut!((*state).store));
        addr_of_mut!((*state).phase).write(READY);
        result.map_err(|error| status_of(&error))
    }
}

pub(super) fn status_of(error: &StoreError<Fault>) -> flashdelta_status {
    match error {
        StoreError::Slot(SlotError::Flash(fault)) => fault.status,
        error => flashdelta_error_detail::of_code(error.code(), error.class()),
    }
}
