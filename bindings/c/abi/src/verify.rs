//! An applier that takes only what is checked.

use core::ptr::addr_of_mut;

use crate::applier::{enter, flashdelta_applier, FLASHDELTA_APPLIER_SIZE};
use crate::flashdelta_status::{self, *};
use crate::info::read;
use crate::pointers::{bytes_mut, check, Span};
use crate::verifier::{flashdelta_verifier, Callback};

/// From now on nothing of the patch is used before it is checked.
///
/// With a verifier, patches must have a right signature by a key that it knows; others are refused
/// before anything after their header is looked at, and before the first write. With and without
/// one, a patch that has chunk digests is checked chunk by chunk: a damaged one is
/// #FLASHDELTA_ERR_WRONG_CHUNK of flashdelta_applier_feed(), which is the one error that is not
/// final.
///
/// To be called after flashdelta_applier_init(), before anything is fed. The applier cannot be made
/// to leave a check out afterwards.
///
/// @param applier initialised by flashdelta_applier_init()
/// @param verifier who knows the keys; copied. NULL: signatures are not looked at
/// @param buffer RAM for the header, later for a chunk and the digests of all chunks; any
///     alignment. It must not overlap the applier or what it was lent
/// @param buffer_len its size in bytes: what flashdelta_chunk_ram() tells of the patch. A device
///     that lends all it has learns from #FLASHDELTA_ERR_CHUNK_BUFFER_TOO_SMALL of
///     flashdelta_applier_feed() whether it was enough, before anything is written
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER (also for `verify`);
///     #FLASHDELTA_ERR_INVALID_ARGUMENT if a pointer is misaligned, blocks overlap, something has
///     been fed, or there is a verifier and this would be without one;
///     #FLASHDELTA_ERR_FAILED_BEFORE, #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY. On
///     errors nothing has changed: do not go on without the check
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `buffer` to as many bytes as it says,
/// which are lent as the workspace is; the callback can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_guard(
    applier: *mut flashdelta_applier,
    verifier: *const flashdelta_verifier,
    buffer: *mut u8,
    buffer_len: usize,
) -> flashdelta_status {
    let outcome = (|| {
        let mut callback = None;
        if !verifier.is_null() {
            check(verifier)?;
            // SAFETY: not NULL, aligned; the rest is the caller's promise.
            let flashdelta_verifier { user, verify } = unsafe { *verifier };
            let verify = verify.ok_or(FLASHDELTA_ERR_NULL_POINTER)?;
            callback = Some(Callback { user, verify });
        }
        // SAFETY: the caller's promise.
        let state = unsafe { enter(applier)? };
        let span = Span::of(buffer, buffer_len);
        let itself = Span::of(applier, FLASHDELTA_APPLIER_SIZE);
        // SAFETY: `enter` has checked the pointer.
        let lent = unsafe { (*state).lent };
        if span.overlaps(itself) || lent.iter().any(|other| other.overlaps(span)) {
            return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
        }
        // SAFETY: the caller lends it until the applier is done with, so it is 'static for as long
        // as the applier is.
        let memory: &'static mut [u8] = unsafe { bytes_mut(buffer, buffer_len)? };
        // SAFETY: `enter` has found the phase READY, so the applier is initialised.
        let inner = unsafe { &mut *addr_of_mut!((*state).content.applier) };
        if !inner.arm(callback, memory) {
            return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
        }
        // SAFETY: as above.
        unsafe { addr_of_mut!((*state).lent[2]).write(span) };
        Ok(())
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Which byte of the patch has to be fed next: after #FLASHDELTA_ERR_WRONG_CHUNK the first one of
/// that chunk, else the one after what has been taken.
///
/// @param applier initialised by flashdelta_applier_init()
/// @param[out] offset bytes from the start of the patch; written only on success
/// @return #FLASHDELTA_OK, #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT,
///     #FLASHDELTA_ERR_FAILED_BEFORE, #FLASHDELTA_ERR_NOT_INITIALISED or #FLASHDELTA_ERR_BUSY
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_next(
    applier: *mut flashdelta_applier,
    offset: *mut u32,
) -> flashdelta_status {
    let outcome = (|| {
        check(offset)?;
        // SAFETY: the caller's promise.
        let state = unsafe { enter(applier)? };
        // SAFETY: `enter` has found the phase READY, so the applier is initialised; `offset` was
        // checked.
        unsafe { offset.write((*addr_of_mut!((*state).content.applier)).progress().taken) };
        Ok(())
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// The buffer that flashdelta_applier_guard() must be lent for a patch; 0 if the patch has no
/// chunks: then its header must have room there.
///
/// @param patch the first bytes of the patch, or all of it; may be NULL if `len` is 0
/// @param len number of bytes at `patch`; #FLASHDELTA_MAX_HEADER_LEN are always enough
/// @param[out] chunk_ram bytes; written only on success
/// @return as flashdelta_workspace_len()
///
/// # Safety
///
/// C's usual rules: `len` bytes can be read at `patch`, a size_t can be written to `chunk_ram`.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_chunk_ram(
    patch: *const u8,
    len: usize,
    chunk_ram: *mut usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe { read(patch, len, chunk_ram, |header| header.chunk_ram() as usize) }
}
