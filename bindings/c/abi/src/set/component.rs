//! A component of a set that is being written.

use core::mem::ManuallyDrop;
use core::ptr::addr_of_mut;

use flashdelta::update::set::SetUpdateError;
use flashdelta::verify::{GuardError, VerifyError};

use super::flashdelta_set;
use super::state::{
    check_input, component, enter, fail, leave, update, Content, Failed, COMPONENT, READY,
};
use crate::applier::{flashdelta_progress, tell};
use crate::flashdelta_status::{self, *};
use crate::pointers::{bytes, bytes_mut, check, Span};

/// Begins with the component that flashdelta_set_next() tells. Before the first one is written, the
/// record says that the update has begun.
///
/// Until the component is finished, aborted or failed, both blocks belong to it. All components may
/// use the same blocks, one after the other.
///
/// @param set checked; no component is being written
/// @param workspace RAM that the applier works in, as for flashdelta_applier_init()
/// @param workspace_len its size in bytes: flashdelta_set_read_info() tells it
/// @param chunks RAM for chunks, as for flashdelta_applier_guard()
/// @param chunks_len its size in bytes, as above
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_WRONG_ORDER, also if all components are written;
///     #FLASHDELTA_ERR_WORKSPACE_TOO_SMALL; #FLASHDELTA_ERR_NOT_RECOVERED;
///     #FLASHDELTA_ERR_SET_RECORD, #FLASHDELTA_ERR_COMPONENT and what else a component said, after
///     which it may be tried again; #FLASHDELTA_ERR_FAILED_BEFORE, #FLASHDELTA_ERR_NULL_POINTER,
///     #FLASHDELTA_ERR_INVALID_ARGUMENT, #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, and to as many bytes as is said.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_begin(
    set: *mut flashdelta_set,
    workspace: *mut u8,
    workspace_len: usize,
    chunks: *mut u8,
    chunks_len: usize,
) -> flashdelta_status {
    let outcome = (|| {
        // SAFETY: the caller's promise; `enter` gives the state of the phase. Both blocks are lent
        // until the component is done with, so they are 'static for as long as it is.
        unsafe {
            let state = enter(set, READY)?;
            let spans = [Span::of(workspace, workspace_len), Span::of(chunks, chunks_len)];
            let [itself, index, record, ..] = (*state).lent;
            let overlap = |span: Span| [itself, index, record].iter().any(|o| o.overlaps(span));
            if overlap(spans[0]) || overlap(spans[1]) || spans[0].overlaps(spans[1]) {
                return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
            }
            let workspace: &'static mut [u8] = bytes_mut(workspace, workspace_len)?;
            let chunks: &'static mut [u8] = bytes_mut(chunks, chunks_len)?;
            let nothing = Span::of(core::ptr::null::<u8>(), 0);
            let lent = [itself, index, record, spans[0], spans[1], nothing];
            addr_of_mut!((*state).lent).write(lent);
            let update = update(state);
            if !update.is_checked() {
                leave(state, READY);
                return Err(FLASHDELTA_ERR_WRONG_ORDER);
            }
            match update.begin(workspace, chunks) {
                Ok(Some(begun)) => {
                    let content = Content { component: ManuallyDrop::new(begun) };
                    addr_of_mut!((*state).content).write(content);
                    leave(state, COMPONENT);
                    Ok(())
                }
                Ok(None) => {
                    leave(state, READY);
                    Err(FLASHDELTA_ERR_WRONG_ORDER)
                }
                Err(error) => Err(fail(state, READY, &error)),
            }
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Takes the next bytes of the component's payload, any number of them, as
/// flashdelta_applier_feed() does of a patch. What follows the payload is not taken.
///
/// @param set a component has been begun
/// @param data the bytes; may be NULL if `len` is 0. Must not overlap what is lent
/// @param len number of bytes, 0 or more
/// @param[out] progress how far the component is; `taken` counts the bytes of its payload. Written
///     only on success; may be NULL
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_WRONG_CHUNK: flashdelta_set_next() tells from where on
///     it has to be fed again; an error of the patch or of the flash: the component may begin
///     again;
///     #FLASHDELTA_ERR_WRONG_ORDER, #FLASHDELTA_ERR_FAILED_BEFORE, #FLASHDELTA_ERR_NULL_POINTER,
///     #FLASHDELTA_ERR_INVALID_ARGUMENT, #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY,
///     after which nothing has changed
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `data` to as many bytes as it says.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_component_feed(
    set: *mut flashdelta_set,
    data: *const u8,
    len: usize,
    progress: *mut flashdelta_progress,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe { feed(set, data, len, u32::MAX, progress) }
}

/// Takes the next bytes of the component's payload, as many as it can without reading and writing
/// more than `budget` bytes of flash, as flashdelta_applier_feed_within() does of a patch.
/// flashdelta_set_next() tells what has to be fed next. A library that is built without its feature
/// `bounded` lacks this function.
///
/// @param set a component has been begun
/// @param data the bytes; may be NULL if `len` is 0. Must not overlap what is lent
/// @param len number of bytes, 0 or more
/// @param budget bytes of flash
/// @param[out] progress how far the component is. Written only on success; may be NULL
/// @return as flashdelta_set_component_feed()
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `data` to as many bytes as it says.
#[cfg(feature = "bounded")]
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_component_feed_within(
    set: *mut flashdelta_set,
    data: *const u8,
    len: usize,
    budget: u32,
    progress: *mut flashdelta_progress,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe { feed(set, data, len, budget, progress) }
}

/// Takes input.
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `data` to as many bytes as it says.
unsafe fn feed(
    set: *mut flashdelta_set,
    data: *const u8,
    len: usize,
    budget: u32,
    progress: *mut flashdelta_progress,
) -> flashdelta_status {
    let outcome = (|| {
        if !progress.is_null() {
            check(progress)?;
        }
        // SAFETY: the caller's promise; `enter` gives the state of the phase.
        unsafe {
            let data = bytes(data, len)?;
            let state = enter(set, COMPONENT)?;
            check_input(state, data)?;
            #[cfg(feature = "bounded")]
            let fed = component(state).feed_within(data, budget);
            #[cfg(not(feature = "bounded"))]
            let fed = {
                let _no_bound = budget;
                component(state).feed(data)
            };
            match fed {
                Ok(at) => {
                    leave(state, COMPONENT);
                    if !progress.is_null() {
                        tell(progress, at);
                    }
                    Ok(())
                }
                // It may come again.
                Err(SetUpdateError::Payload {
                    error: GuardError::Verify(VerifyError::WrongChunk { .. }),
                    ..
                }) => {
                    leave(state, COMPONENT);
                    Err(FLASHDELTA_ERR_WRONG_CHUNK)
                }
                Err(error) => Err(fail(state, READY, &error)),
            }
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Ends the component: its new image is complete and right, and the device accepts it (`verify` of
/// flashdelta_components). It is not active yet.
///
/// @param set a component has been begun, and is done
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_TRUNCATED if it was not complete,
///     #FLASHDELTA_ERR_WRONG_PAYLOAD, #FLASHDELTA_ERR_COMPONENT: it may begin again;
///     #FLASHDELTA_ERR_WRONG_ORDER, #FLASHDELTA_ERR_FAILED_BEFORE, #FLASHDELTA_ERR_NULL_POINTER,
///     #FLASHDELTA_ERR_INVALID_ARGUMENT, #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY,
///     after which nothing has changed
///
/// # Safety
///
/// C's usual rules: `set` points to what its type says.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_component_finish(
    set: *mut flashdelta_set,
) -> flashdelta_status {
    let outcome = (|| {
        // SAFETY: the caller's promise; `enter` gives the state of the phase, in which the
        // component is there. It is taken out once: the phase says that until the outcome is known,
        // and something else afterwards.
        unsafe {
            let state = enter(set, COMPONENT)?;
            component(state);
            match ManuallyDrop::take(&mut *addr_of_mut!((*state).content.component)).finish() {
                Ok(()) => {
                    addr_of_mut!((*state).content).write(Content { failed: Failed::NOT });
                    leave(state, READY);
                    Ok(())
                }
                Err(error) => Err(fail(state, READY, &error)),
            }
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Gives a component up that was begun, so that it can begin again. What was written of it is not
/// active.
///
/// @param set a component may have been begun
/// @return #FLASHDELTA_OK, also if none was; #FLASHDELTA_ERR_FAILED_BEFORE,
///     #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT,
///     #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY, after which nothing has changed
///
/// # Safety
///
/// C's usual rules: `set` points to what its type says.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_set_component_abort(
    set: *mut flashdelta_set,
) -> flashdelta_status {
    // SAFETY: the caller's promise; `enter` gives the state of the phase.
    unsafe {
        match enter(set, COMPONENT) {
            Ok(state) => {
                component(state);
                ManuallyDrop::drop(&mut *addr_of_mut!((*state).content.component));
                addr_of_mut!((*state).content).write(Content { failed: Failed::NOT });
                leave(state, READY);
                FLASHDELTA_OK
            }
            Err(FLASHDELTA_ERR_WRONG_ORDER) => FLASHDELTA_OK,
            Err(status) => status,
        }
    }
}
