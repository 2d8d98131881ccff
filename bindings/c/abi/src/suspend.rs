//! Going on after a break.

use core::ffi::c_void;

#[cfg(feature = "verify")]
use flashdelta::apply::ApplyError;
use flashdelta::apply::{ResumeError, SuspendError};
#[cfg(feature = "verify")]
use flashdelta::verify::GuardError;
use flashdelta::PatchHeader;

use crate::applier::{at_work, flashdelta_applier, flashdelta_progress, tell, Inner};
use crate::callbacks::Fault;
use crate::detail::flashdelta_error_detail;
use crate::flashdelta_status::{self, *};
use crate::pointers::{bytes, check};

/// Saves the state of an update, so that it goes on after a break, a reset included, and no byte of
/// the patch has to be received again.
///
/// What is saved is as long as flashdelta_applier_suspension_len() tells, and comes in pieces of
/// any length, in order. Keep it in a file, or in two places that alternate, so that a power cut
/// while one is written leaves the other: flashdelta_applier_suspend_to() does so in flash. The
/// update may go on here as well; going on from what was saved is safe nevertheless.
///
/// It costs writing and erasing flash of that length, and one or two erases of the sector that is
/// under way. For a short patch or a fast link it is cheaper to receive the patch again: sectors
/// that are right already are kept, as always.
///
/// A guarded update is saved with what its guard has checked, which is not checked again: keep it
/// where only the device itself writes. But it goes on only if the verifier still knows the key
/// that has vouched for the patch.
///
/// @param applier initialised by flashdelta_applier_init(); neither failed nor finished
/// @param put called with the next `len` bytes at `from`; returns 0 for success
/// @param user passed to `put`. May be NULL
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_WRITE_SUSPENSION if `put` failed;
///     #FLASHDELTA_ERR_READ_NEW; #FLASHDELTA_ERR_CODEC_NOT_BUILT if this codec cannot be suspended;
///     #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT,
///     #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY, #FLASHDELTA_ERR_FAILED_BEFORE. The
///     update can go on after any of them but the last
///
/// # Safety
///
/// C's usual rules: `applier` points to what its type says, `put` can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_suspend(
    applier: *mut flashdelta_applier,
    put: Option<unsafe extern "C" fn(user: *mut c_void, from: *const u8, len: usize) -> i32>,
    user: *mut c_void,
) -> flashdelta_status {
    let outcome = (|| {
        let put = put.ok_or(FLASHDELTA_ERR_NULL_POINTER)?;
        // SAFETY: the caller's promise.
        let inner = unsafe { at_work(applier)? };
        inner.with(|inner| {
            inner
                .suspend(|bytes| {
                    // SAFETY: the caller's promise; the bytes are as many as it says.
                    match unsafe { put(user, bytes.as_ptr(), bytes.len()) } {
                        0 => Ok(()),
                        _ => Err(()),
                    }
                })
                .map_err(suspend_status)
        })
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// The number of an error.
pub(crate) fn suspend_status<E>(error: SuspendError<Fault, E>) -> flashdelta_status {
    match error {
        SuspendError::Codec { .. } => FLASHDELTA_ERR_CODEC_NOT_BUILT,
        SuspendError::New(fault) => fault.status,
        SuspendError::Place(_) => FLASHDELTA_ERR_WRITE_SUSPENSION,
        _ => FLASHDELTA_ERR_FAILED_BEFORE,
    }
}

/// How many bytes flashdelta_applier_suspend() would save now: at most 1024 and the workspace that
/// the patch needs, and `write_size` if that is above #FLASHDELTA_MAX_WRITE_SIZE; of a guarded
/// update the buffer that the patch needs in addition.
///
/// @param applier as for flashdelta_applier_suspend()
/// @param[out] len the number of bytes; written only on success
/// @return as flashdelta_applier_suspend()
///
/// # Safety
///
/// C's usual rules: `applier` and `len` point to what their types say.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_suspension_len(
    applier: *mut flashdelta_applier,
    len: *mut u32,
) -> flashdelta_status {
    let outcome = (|| {
        check(len)?;
        // SAFETY: the caller's promise.
        let inner = unsafe { at_work(applier)? };
        let found = inner.with(|inner| inner.suspension_len().map_err(suspend_status))?;
        // SAFETY: the pointer was checked; the rest is the caller's promise.
        unsafe { len.write(found) };
        Ok(())
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Goes on with an update that was saved by flashdelta_applier_suspend(): call it instead of the
/// first flashdelta_applier_feed(), with the same slots and as much workspace or more. The old
/// image is read and must be the right one still. Feed the patch from byte `progress->taken` on.
///
/// As long as it succeeds with `progress->pending` set, call it again with the same arguments.
///
/// If what was saved cannot be used, nothing has been written and the applier is as new: feed it
/// the patch from its beginning. That is so for all errors but #FLASHDELTA_ERR_FAILED_BEFORE, which
/// comes if what was saved cannot be read any more at the end; then abort it and begin anew.
///
/// @param applier initialised by flashdelta_applier_init() and not yet fed; guarded as it was when
///     it was saved: what was saved without flashdelta_applier_guard(), or with a verifier or
///     without one, goes on only so
/// @param read reads `len` bytes (1 or more) from byte `offset` of what was saved into `to`;
///     returns 0 for success
/// @param user passed to `read`. May be NULL
/// @param saved_len how many bytes were saved
/// @param header the first bytes of the patch that is to go on, as for
///     flashdelta_read_patch_info(): what was saved of another patch is refused. Where signatures
///     are required they have to follow, and are checked once more. NULL: any patch, and what was
///     saved is believed
/// @param header_len their number
/// @param budget how many bytes of the old slot one call may read; UINT32_MAX: all
/// @param[out] progress how far the update has come, written only on success
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_SUSPENSION_DAMAGED,
///     #FLASHDELTA_ERR_SUSPENSION_OTHER_PATCH, #FLASHDELTA_ERR_SUSPENSION_OTHER_VERSION,
///     #FLASHDELTA_ERR_SUSPENSION_OTHER_IMAGE, #FLASHDELTA_ERR_READ_SUSPENSION,
///     #FLASHDELTA_ERR_CHUNK_BUFFER_TOO_SMALL; #FLASHDELTA_ERR_UNKNOWN_KEY if the key that has
///     vouched for the patch is not trusted any more; #FLASHDELTA_ERR_READ_NEW, after which it may
///     be tried again; the errors of the header and of the device's checks (3xx to 7xx);
///     #FLASHDELTA_ERR_UNSIGNED, #FLASHDELTA_ERR_WRONG_SIGNATURE of `header`;
///     #FLASHDELTA_ERR_INVALID_ARGUMENT if the applier has been fed, or `header_len` does not
///     suffice; #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_NOT_INITIALISED,
///     #FLASHDELTA_ERR_BUSY, #FLASHDELTA_ERR_FAILED_BEFORE
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `header` to as many bytes as it says,
/// `read` can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_resume(
    applier: *mut flashdelta_applier,
    read: Option<
        unsafe extern "C" fn(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32,
    >,
    user: *mut c_void,
    saved_len: u32,
    header: *const u8,
    header_len: usize,
    budget: u32,
    progress: *mut flashdelta_progress,
) -> flashdelta_status {
    let outcome = (|| {
        let read = read.ok_or(FLASHDELTA_ERR_NULL_POINTER)?;
        let read = |offset, to: &mut [u8]| {
            // SAFETY: the caller's promise; the buffer is as long as it says.
            match unsafe { read(user, offset, to.as_mut_ptr(), to.len()) } {
                0 => Ok(()),
                _ => Err(()),
            }
        };
        // SAFETY: the caller's promise.
        unsafe { resume(applier, saved_len, read, (header, header_len), budget, progress) }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Goes on with an update, from wherever `read` reads.
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `header` to as many bytes as it says.
pub(crate) unsafe fn resume<E>(
    applier: *mut flashdelta_applier,
    saved_len: u32,
    read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
    header: (*const u8, usize),
    budget: u32,
    progress: *mut flashdelta_progress,
) -> Result<(), flashdelta_status> {
    check(progress)?;
    let front = match header.0.is_null() {
        true => &[][..],
        // SAFETY: the caller's promise.
        false => unsafe { bytes(header.0, header.1)? },
    };
    // SAFETY: the caller's promise.
    let inner = unsafe { at_work(applier)? };
    let at = inner.with(|inner| {
        // It was checked by the first of several calls.
        let is_first = !inner.progress().pending;
        let is_given = is_first && !header.0.is_null();
        let patch = if is_given { Some(header_of(inner, front)?) } else { None };
        inner.resume_within(saved_len, read, patch.as_ref(), budget).map_err(|error| match error {
            ResumeError::Nothing => FLASHDELTA_ERR_NO_SUSPENSION,
            ResumeError::Damaged => FLASHDELTA_ERR_SUSPENSION_DAMAGED,
            ResumeError::OtherVersion => FLASHDELTA_ERR_SUSPENSION_OTHER_VERSION,
            ResumeError::OtherPatch => FLASHDELTA_ERR_SUSPENSION_OTHER_PATCH,
            ResumeError::OtherImage => FLASHDELTA_ERR_SUSPENSION_OTHER_IMAGE,
            ResumeError::New(fault) => fault.status,
            ResumeError::UnknownKey { .. } => FLASHDELTA_ERR_UNKNOWN_KEY,
            ResumeError::Place(_) => FLASHDELTA_ERR_READ_SUSPENSION,
            ResumeError::BufferTooSmall { .. } => FLASHDELTA_ERR_CHUNK_BUFFER_TOO_SMALL,
            ResumeError::Apply(error) => flashdelta_error_detail::from(&error).status,
            _ => FLASHDELTA_ERR_INVALID_ARGUMENT,
        })
    })?;
    // SAFETY: the pointer was checked; the rest is the caller's promise.
    unsafe { tell(progress, at) };
    Ok(())
}

/// The header of the patch that is to go on; where signatures are required, checked.
#[cfg(feature = "verify")]
fn header_of(inner: &mut Inner, front: &[u8]) -> Result<PatchHeader, flashdelta_status> {
    inner.check_front(front).map_err(|error| match error {
        GuardError::Apply(ApplyError::Truncated { .. }) => FLASHDELTA_ERR_INVALID_ARGUMENT,
        error => flashdelta_error_detail::from(&error).status,
    })
}

/// The header of the patch that is to go on.
#[cfg(not(feature = "verify"))]
fn header_of(_: &mut Inner, front: &[u8]) -> Result<PatchHeader, flashdelta_status> {
    let parsed = PatchHeader::parse(front);
    let parsed = parsed.map_err(|error| flashdelta_error_detail::from(&error).status)?;
    parsed.ok_or(FLASHDELTA_ERR_INVALID_ARGUMENT)
}
