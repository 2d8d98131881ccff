//! Component sets: several parts of a device, updated as one.

mod component;
mod state;

use core::mem::ManuallyDrop;
use core::ptr::addr_of_mut;

use flashdelta::update::set::{recover, Recovered, SetUpdate};

use crate::applier::flashdelta_device;
use crate::components::{flashdelta_components, Lent};
use crate::detail::flashdelta_error_detail;
use crate::flashdelta_status::{self, *};
use crate::pointers::{bytes, bytes_mut, check, put, Span};
use crate::region::{flashdelta_region, records};
use crate::verifier::{flashdelta_verifier, Callback};
use state::{
    check_input, enter, fail, failed, leave, update, Content, Failed, State, BUSY, COMPONENT,
    EMPTY, FAILED, READY,
};

#[cfg(feature = "bounded")]
pub use component::flashdelta_set_component_feed_within;
pub use component::{
    flashdelta_set_begin, flashdelta_set_component_abort, flashdelta_set_component_feed,
    flashdelta_set_component_finish,
};

/// Size of a flashdelta_set, in words of `sizeof(size_t)` bytes: 1856 bytes on machines of 32
/// bits.
pub const FLASHDELTA_SET_WORDS: usize = 464;

/// Bytes that are enough for the index of any set, with a signature; most take a few hundred. See
/// flashdelta_set_init().
pub const FLASHDELTA_MAX_INDEX_LEN: usize = 4170;

const _: () = assert!(FLASHDELTA_MAX_INDEX_LEN == flashdelta::update::set::MAX_INDEX_LEN + 74);

/// In place of the number of a component: none.
pub const FLASHDELTA_NO_COMPONENT: u32 = 0xFFFF_FFFF;

/// Updates a device by one component set: all of its components or none. You own the memory; its
/// contents are private.
///
/// It needs the alignment of a size_t. Fill it with zeros once (static variables are) so that
/// misuse before flashdelta_set_init() is noticed. Do not copy or move it after that. One thread
/// uses one set at a time. Memory is all it holds: it may simply be forgotten.
///
/// 1. After each reset, before anything is started that a set can change: flashdelta_set_recover().
/// 2. flashdelta_set_init(), then flashdelta_set_feed() with the start of the set until
///    flashdelta_set_is_checked(). Nothing has been written.
/// 3. As long as flashdelta_set_next() tells a component: flashdelta_set_begin(),
///    flashdelta_set_component_feed() with its payload, flashdelta_set_component_finish(). Nothing
///    of it is active.
/// 4. flashdelta_set_finish() commits all by one record, and activates all.
///
/// To give an update up, call flashdelta_set_recover(): it takes back what was begun.
#[repr(C)]
pub struct flashdelta_set {
    /// Private.
    pub opaque: [usize; FLASHDELTA_SET_WORDS],
}

/// What a set that has been checked needs, and does.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct flashdelta_set_info {
    /// Number of its components.
    pub components: u32,
    /// A bit for each component that is to be written, or was: bit 0 for the first one. The others
    /// are as they shall be, or are for other hardware.
    pub updated: u32,
    /// Bytes of the workspace for flashdelta_set_begin().
    pub workspace_len: u32,
    /// Bytes of its buffer for chunks.
    pub chunk_ram: u32,
}

/// The component that is to be written next, and where in the set its payload is.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct flashdelta_set_payload {
    /// Its number, from 0; #FLASHDELTA_NO_COMPONENT if all are written.
    pub component: u32,
    /// The first byte of the set that has to be fed; while the component is being written, the next
    /// one.
    pub offset: u32,
    /// Bytes of the whole payload.
    pub len: u32,
}

/// What flashdelta_set_recover() found.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum flashdelta_recovered {
    /// No update was under way.
    FLASHDELTA_RECOVERED_NOTHING = 0,
    /// One had been begun, and was taken back: all is old.
    FLASHDELTA_RECOVERED_REVERTED = 1,
    /// One had been committed, and all of it is active now.
    FLASHDELTA_RECOVERED_COMPLETED = 2,
}

/// Starts an update by a set. Nothing is read or written yet, but the record.
///
/// Once this has succeeded, `set`, `index` and what `components` and `record` point to belong to
/// the update until it ends.
///
/// @param set memory for it; whatever it holds is overwritten, unless it is at work right now
/// @param components those of the device; copied
/// @param record flash that keeps how far the update is, over resets; copied. Each half has room
///     for the index (`flashdelta set info` says how long it is) and 21 bytes. It is for this alone
/// @param device what the device is; copied. NULL: sets are not checked against the device
/// @param verifier whose sets are taken; copied. NULL: signatures are not looked at
/// @param index RAM for the index: its length and 74 bytes, #FLASHDELTA_MAX_INDEX_LEN for any
/// @param index_len its size in bytes
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER (also for callbacks that must be there);
///     #FLASHDELTA_ERR_INVALID_ARGUMENT if a pointer is misaligned, blocks overlap, or the region
///     does not fit its sectors and units; #FLASHDELTA_ERR_BUSY. On errors nothing has changed
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `index` to as many bytes as it says,
/// callbacks can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_init(
    set: *mut flashdelta_set,
    components: *const flashdelta_components,
    record: *const flashdelta_region,
    device: *const flashdelta_device,
    verifier: *const flashdelta_verifier,
    index: *mut u8,
    index_len: usize,
) -> flashdelta_status {
    let outcome = (|| {
        check(set)?;
        check(components)?;
        check(record)?;
        let itself = Span::of(set.cast::<u8>(), size_of::<flashdelta_set>());
        let nothing = Span::of(core::ptr::null::<u8>(), 0);
        // SAFETY: not NULL, aligned; the rest is the caller's promise.
        let (components, region) = unsafe { (*components, *record) };
        let memory = Span::of(index, index_len);
        let buffer = Span::of(region.buffer, region.buffer_len);
        if memory.overlaps(itself) || buffer.overlaps(itself) || memory.overlaps(buffer) {
            return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
        }
        let lent: Lent = [itself, memory, buffer, nothing, nothing, nothing];
        // SAFETY: the caller lends it until the set is done with.
        let index: &'static mut [u8] = unsafe { bytes_mut(index, index_len)? };
        let mut identity = None;
        if !device.is_null() {
            check(device)?;
            // SAFETY: not NULL, aligned; the rest is the caller's promise.
            identity = Some(unsafe { *device }.identity());
        }
        let mut callback = None;
        if !verifier.is_null() {
            check(verifier)?;
            // SAFETY: as above.
            let flashdelta_verifier { user, verify } = unsafe { *verifier };
            let verify = verify.ok_or(FLASHDELTA_ERR_NULL_POINTER)?;
            callback = Some(Callback { user, verify });
        }
        let state = set.cast::<State>();
        // SAFETY: not NULL, and aligned and large enough for a State, as its assertions say.
        unsafe {
            let before = (*state).phase;
            if before == BUSY {
                return Err(FLASHDELTA_ERR_BUSY);
            }
            let parts = components.parts(addr_of_mut!((*state).lent))?;
            // Reading the record calls back.
            leave(state, BUSY);
            let record = records(record).inspect_err(|_| leave(state, before))?;
            let update = SetUpdate::new(parts, record, index).with_policy(callback);
            let update = match identity {
                Some(identity) => update.device(identity),
                None => update,
            };
            addr_of_mut!((*state).lent).write(lent);
            addr_of_mut!((*state).update).write(ManuallyDrop::new(update));
            addr_of_mut!((*state).content).write(Content { failed: Failed::NOT });
            leave(state, READY);
        }
        Ok(())
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Takes bytes of index and signatures, the first ones of the set. The call that completes them
/// checks everything, for which it reads all components. What follows belongs to the payloads, and
/// is not taken.
///
/// @param set initialised by flashdelta_set_init()
/// @param data the bytes; may be NULL if `len` is 0. Must not overlap what is lent
/// @param len number of bytes, 0 or more
/// @param[out] taken how many of them were taken; written only on success. May be NULL
/// @return #FLASHDELTA_OK; an error of the set, which is final, and before which nothing was
///     written; #FLASHDELTA_ERR_FAILED_BEFORE if that was so already; or
///     #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT,
///     #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY, #FLASHDELTA_ERR_WRONG_ORDER, after
///     which nothing has changed
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `data` to as many bytes as it says.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_feed(
    set: *mut flashdelta_set,
    data: *const u8,
    len: usize,
    taken: *mut usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe { feed(set, data, len, u32::MAX, taken) }
}

/// Takes bytes of index and signatures, as flashdelta_set_feed(), and reads no more than `budget`
/// bytes of the components, but for a first step of 128 bytes: for devices that have a watchdog. As
/// long as the set is neither checked nor failed, call it again, with what was not taken; while
/// components are checked nothing is taken. A library that is built without its feature `bounded`
/// lacks this function.
///
/// @param set initialised by flashdelta_set_init()
/// @param data the bytes; may be NULL if `len` is 0. Must not overlap what is lent
/// @param len number of bytes, 0 or more
/// @param budget bytes of flash
/// @param[out] taken how many of the bytes were taken; written only on success. May be NULL
/// @return as flashdelta_set_feed()
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `data` to as many bytes as it says.
#[cfg(feature = "bounded")]
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_feed_within(
    set: *mut flashdelta_set,
    data: *const u8,
    len: usize,
    budget: u32,
    taken: *mut usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe { feed(set, data, len, budget, taken) }
}

/// Takes bytes of index and signatures.
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `data` to as many bytes as it says.
unsafe fn feed(
    set: *mut flashdelta_set,
    data: *const u8,
    len: usize,
    budget: u32,
    taken: *mut usize,
) -> flashdelta_status {
    let outcome = (|| {
        if !taken.is_null() {
            check(taken)?;
        }
        // SAFETY: the caller's promise; `enter` gives the state of the phase.
        unsafe {
            let data = bytes(data, len)?;
            let state = enter(set, READY)?;
            check_input(state, data)?;
            #[cfg(feature = "bounded")]
            let fed = update(state).feed_within(data, budget);
            #[cfg(not(feature = "bounded"))]
            let fed = {
                let _no_bound = budget;
                update(state).feed(data)
            };
            match fed {
                Ok(count) => {
                    leave(state, READY);
                    if !taken.is_null() {
                        taken.write(count);
                    }
                    Ok(())
                }
                Err(error) => Err(fail(state, FAILED, &error)),
            }
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Whether the index is complete, authentic and right for the device.
///
/// @param set initialised by flashdelta_set_init()
/// @return 1 if it is; 0 if not yet, if the set failed, or if the pointer is none of a set
///
/// # Safety
///
/// C's usual rules: `set` points to what its type says.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_is_checked(set: *const flashdelta_set) -> i32 {
    // SAFETY: the caller's promise; in the phase READY nothing borrows the update.
    match unsafe { enter(set.cast_mut(), READY) } {
        Ok(state) => i32::from(unsafe { (*addr_of_mut!((*state).update)).is_checked() }),
        // A component is being written.
        Err(FLASHDELTA_ERR_WRONG_ORDER) => 1,
        Err(_) => 0,
    }
}

/// What the set needs and does, once it has been checked.
///
/// @param set checked; no component is being written
/// @param[out] info written only on success
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_WRONG_ORDER, #FLASHDELTA_ERR_FAILED_BEFORE,
///     #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT,
///     #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_read_info(
    set: *const flashdelta_set,
    info: *mut flashdelta_set_info,
) -> flashdelta_status {
    let outcome = (|| {
        // SAFETY: the caller's promise; in the phase READY nothing borrows the update.
        unsafe {
            let state = enter(set.cast_mut(), READY)?;
            let update = &*addr_of_mut!((*state).update);
            let index = match (update.is_checked(), update.index()) {
                (true, Some(index)) => index,
                _ => return Err(FLASHDELTA_ERR_WRONG_ORDER),
            };
            let mut read = flashdelta_set_info {
                workspace_len: index.ram().saturating_sub(flashdelta::APPLIER_BYTES as u32),
                chunk_ram: index.chunk_ram(),
                ..flashdelta_set_info::default()
            };
            for number in 0..index.entries().count() as u8 {
                read.components = u32::from(number).wrapping_add(1);
                read.updated |= u32::from(update.is_updated(number)) << (number & 31);
            }
            put(info, read)
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// The component that is to be written next, or is being written, and where in the set its payload
/// goes on. A device that can fetch any part of the set need not fetch the payloads of the others;
/// a stream skips them.
///
/// @param set checked
/// @param[out] payload written only on success
/// @return #FLASHDELTA_OK, also if all are written; otherwise as flashdelta_set_read_info()
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_next(
    set: *const flashdelta_set,
    payload: *mut flashdelta_set_payload,
) -> flashdelta_status {
    let outcome = (|| {
        // SAFETY: the caller's promise; each phase says what is there.
        let next = unsafe {
            match enter(set.cast_mut(), READY) {
                Ok(state) => {
                    let update = &*addr_of_mut!((*state).update);
                    if !update.is_checked() {
                        return Err(FLASHDELTA_ERR_WRONG_ORDER);
                    }
                    update.next().map(|(number, payload)| (number, payload.offset, payload.len))
                }
                Err(FLASHDELTA_ERR_WRONG_ORDER) => {
                    let state = enter(set.cast_mut(), COMPONENT)?;
                    let component = &*addr_of_mut!((*state).content.component);
                    let len = component.entry().payload.map_or(0, |payload| payload.len);
                    Some((component.component(), component.next(), len))
                }
                Err(status) => return Err(status),
            }
        };
        let (component, offset, len) = next
            .map_or((FLASHDELTA_NO_COMPONENT, 0, 0), |(number, offset, len)| {
                (number.into(), offset, len)
            });
        // SAFETY: the caller's promise.
        unsafe { put(payload, flashdelta_set_payload { component, offset, len }) }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Ends the update: commits it by one record, and activates all components in the order of the set.
/// If nothing had to be written, nothing is done.
///
/// @param set checked, and all components finished
/// @return #FLASHDELTA_OK: all is new, and the set is free to be initialised again;
///     #FLASHDELTA_ERR_TRUNCATED if components are left to be written, #FLASHDELTA_ERR_WRONG_ORDER,
///     #FLASHDELTA_ERR_FAILED_BEFORE, #FLASHDELTA_ERR_NULL_POINTER,
///     #FLASHDELTA_ERR_INVALID_ARGUMENT, #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY,
///     after which nothing has changed; #FLASHDELTA_ERR_SET_RECORD or #FLASHDELTA_ERR_COMPONENT:
///     call flashdelta_set_recover(), which knows whether the update was committed
///
/// # Safety
///
/// C's usual rules: `set` points to what its type says.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_finish(set: *mut flashdelta_set) -> flashdelta_status {
    let outcome = (|| {
        // SAFETY: the caller's promise; in the phase READY the update is there. It is taken out
        // once: the phase says that until the outcome is known, and something else afterwards.
        unsafe {
            let state = enter(set, READY)?;
            let update = update(state);
            if !update.is_checked() || update.next().is_some() {
                let is_checked = update.is_checked();
                leave(state, READY);
                return Err(match is_checked {
                    true => FLASHDELTA_ERR_TRUNCATED,
                    false => FLASHDELTA_ERR_WRONG_ORDER,
                });
            }
            match ManuallyDrop::take(&mut *addr_of_mut!((*state).update)).finish() {
                Ok(_) => {
                    leave(state, EMPTY);
                    Ok(())
                }
                Err(error) => Err(fail(state, FAILED, &error)),
            }
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// One step of flashdelta_set_finish(), for calls of bounded length: writes the record once, or
/// activates one component. To be called until `done` is 1; nothing else may be called meanwhile. A
/// library that is built without its feature `bounded` lacks this function.
///
/// @param set checked, and all components finished
/// @param[out] done 1 if all is new, and the set is free to be initialised again; else 0. Written
///     only on success
/// @return as flashdelta_set_finish()
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say.
#[cfg(feature = "bounded")]
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_finish_step(
    set: *mut flashdelta_set,
    done: *mut u32,
) -> flashdelta_status {
    use flashdelta::update::set::{SetError, SetUpdateError};
    let outcome = (|| {
        check(done)?;
        // SAFETY: the caller's promise; `enter` gives the state of the phase.
        unsafe {
            let state = enter(set, READY)?;
            let update = update(state);
            match update.finish_step() {
                Ok(is_done) => {
                    leave(state, if is_done { EMPTY } else { READY });
                    done.write(is_done.into());
                    Ok(())
                }
                Err(SetUpdateError::Set(SetError::Incomplete { .. })) => {
                    leave(state, READY);
                    Err(FLASHDELTA_ERR_TRUNCATED)
                }
                // It has not been checked.
                Err(SetUpdateError::Set(SetError::Poisoned)) => {
                    leave(state, READY);
                    Err(FLASHDELTA_ERR_WRONG_ORDER)
                }
                Err(error) => Err(fail(state, FAILED, &error)),
            }
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// After a reset, and to give an update up: what was committed is activated, what was only begun is
/// taken back. Does nothing if no update was under way.
///
/// Has to be called after each reset before anything is started that a set may change: in the
/// bootloader, or first of all in the application. As long as it fails, nothing of that must be
/// started: call it again, at the latest after the next reset.
///
/// @param components those of the device, as for flashdelta_set_init(); `activate` and `revert` are
///     called
/// @param record as for flashdelta_set_init()
/// @param index RAM for the index, as for flashdelta_set_init(); it may be the same
/// @param index_len its size in bytes
/// @param[out] recovered what was found, one of flashdelta_recovered; written only on success. May
///     be NULL
/// @param[out] detail where and how it failed; written only if it did. May be NULL
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_COMPONENT, #FLASHDELTA_ERR_SET_RECORD,
///     #FLASHDELTA_ERR_INDEX_BUFFER_TOO_SMALL, #FLASHDELTA_ERR_NULL_POINTER,
///     #FLASHDELTA_ERR_INVALID_ARGUMENT
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `index` to as many bytes as it says,
/// callbacks can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_recover(
    components: *const flashdelta_components,
    record: *const flashdelta_region,
    index: *mut u8,
    index_len: usize,
    recovered: *mut flashdelta_recovered,
    detail: *mut flashdelta_error_detail,
) -> flashdelta_status {
    let outcome = (|| {
        check(components)?;
        // SAFETY: the caller's promise.
        unsafe {
            let mut record = records(record)?;
            let mut parts = (*components).parts(core::ptr::null_mut())?;
            let index = bytes_mut(index, index_len)?;
            let found = match recover(index, &mut parts, &mut record) {
                Ok(Recovered::Nothing) => flashdelta_recovered::FLASHDELTA_RECOVERED_NOTHING,
                Ok(Recovered::Reverted) => flashdelta_recovered::FLASHDELTA_RECOVERED_REVERTED,
                Ok(Recovered::Completed) => flashdelta_recovered::FLASHDELTA_RECOVERED_COMPLETED,
                Err(error) => {
                    let failed = failed(&error).detail;
                    if !detail.is_null() {
                        put(detail, failed)?;
                    }
                    return Err(failed.status);
                }
            };
            if recovered.is_null() {
                return Ok(());
            }
            put(recovered, found)
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Where and how a set failed.
///
/// @param set initialised by flashdelta_set_init()
/// @param[out] detail the last error of this update; its status is #FLASHDELTA_OK if there was none
///     since the last component was begun. Written only on success
/// @param[out] component the number of the component, or #FLASHDELTA_NO_COMPONENT. May be NULL
/// @return #FLASHDELTA_OK; or #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT,
///     #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY
///
/// Errors after which nothing has changed (2xx) are not kept, nor is #FLASHDELTA_ERR_WRONG_CHUNK.
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_last_error(
    set: *const flashdelta_set,
    detail: *mut flashdelta_error_detail,
    component: *mut u32,
) -> flashdelta_status {
    let outcome = (|| {
        check(detail)?;
        // SAFETY: the caller's promise; the phase says what is there.
        unsafe {
            let found = match enter(set.cast_mut(), COMPONENT) {
                Ok(_) => Failed::NOT,
                // The phase is READY.
                Err(FLASHDELTA_ERR_WRONG_ORDER | FLASHDELTA_ERR_FAILED_BEFORE) => {
                    (*set.cast::<State>()).content.failed
                }
                Err(status) => return Err(status),
            };
            if !component.is_null() {
                put(component, found.component)?;
            }
            put(detail, found.detail)
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}
