//! The applier in memory that C lends.

mod state;

use core::mem::ManuallyDrop;
use core::ptr::addr_of_mut;

use flashdelta::apply::{Applier, ApplyOptions, Progress};
#[cfg(feature = "verify")]
use flashdelta::verify::{Guard, GuardError, VerifyError};
use flashdelta::DeviceIdentity;

use crate::callbacks::{flashdelta_flash, FLASHDELTA_IGNORE_TRAILING};
use crate::detail::flashdelta_error_detail;
use crate::flashdelta_status::{self, *};
use crate::pointers::{bytes, bytes_mut, check, Span};
use state::{fail, Content, State, BUSY, EMPTY, FAILED, READY};

pub(crate) use state::enter;
#[cfg(feature = "suspend")]
pub(crate) use state::{at_work, Inner};

/// Size of a flashdelta_applier, in words of `sizeof(size_t)` bytes: 1152 bytes on machines of 32
/// bits. 1024 of them are part of the RAM that a patch states; the others are for the guard, and
/// for holes.
pub const FLASHDELTA_APPLIER_WORDS: usize = 288;

/// The same in bytes.
pub(crate) const FLASHDELTA_APPLIER_SIZE: usize = size_of::<flashdelta_applier>();

/// Applies one patch. You own the memory (static, or on a heap; it is too large for a small stack);
/// its contents are private.
///
/// It needs the alignment of a size_t, which a variable of this type has by itself. Fill it with
/// zeros once (static variables are) so that misuse before flashdelta_applier_init() is noticed. Do
/// not copy or move it between init and finish or abort.
///
/// One thread uses one applier at a time; different appliers are independent of each other, as the
/// library has no other state. Not for interrupt handlers: feeding takes as long as the flash does,
/// and the call that completes the header reads the whole old image.
#[repr(C)]
pub struct flashdelta_applier {
    /// Private.
    pub opaque: [usize; FLASHDELTA_APPLIER_WORDS],
}

/// What the device is, to refuse patches for others.
///
/// Of patches without a signature this catches mistakes, not malice: who makes one can write any
/// product and any counter into it. See flashdelta_applier_guard().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flashdelta_device {
    /// The product: a number of the vendor's choosing; that of `flashdelta diff --product NAME` is
    /// the first four bytes of the SHA-256 of the name, big-endian.
    pub product: u32,
    /// The hardware revision.
    pub hardware: u16,
    /// 0.
    pub reserved: u16,
    /// The lowest security counter that may be installed (anti-rollback). Take it from the image
    /// that runs, or from what the bootloader keeps; never from the header of a patch.
    pub security_counter: u32,
}

impl flashdelta_device {
    /// The same for the library.
    pub(crate) fn identity(self) -> DeviceIdentity {
        let Self { product, hardware, security_counter, reserved: _ } = self;
        DeviceIdentity { product, hardware, security_counter }
    }
}

/// How far an update has come.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct flashdelta_progress {
    /// 1 if the new image is complete and verified, so that flashdelta_applier_finish() can commit
    /// it, else 0.
    pub done: u32,
    /// Bytes of the new image made so far.
    pub written: u32,
    /// Bytes of the whole new image; 0 as long as the header is not complete.
    pub total: u32,
    /// Bytes of the patch that have been taken, from its start: the next one to be fed is the one
    /// after them.
    pub taken: u32,
    /// 1 if the budget of flashdelta_applier_feed_within() was used up and there is more to do, for
    /// which no more input is needed, else 0.
    pub pending: u32,
}

/// Starts an update.
///
/// Nothing is read or written yet. Once this has succeeded, `applier`, `workspace` and what
/// `flash->user` points to belong to the applier until flashdelta_applier_finish() or
/// flashdelta_applier_abort() has succeeded, or flashdelta_applier_feed() has failed. Memory is all
/// it holds: an update that is no longer wanted may also simply be forgotten on a device (on hosts,
/// abort it).
///
/// @param applier memory for it; whatever it holds is overwritten, unless it is at work right now
/// @param flash both slots; copied
/// @param device what the device is; copied. NULL: patches are not checked against the device. If
///     given, patches that do not say for whom they are, are refused as well
/// @param workspace RAM that the applier works in; any alignment. It must not overlap `applier`
/// @param workspace_len its size in bytes: what flashdelta_workspace_len() tells of the patch, or
///     more, which makes reading cheaper. A device that lends all it has learns from
///     #FLASHDELTA_ERR_WORKSPACE_TOO_SMALL of flashdelta_applier_feed() whether it was enough,
///     before anything is written
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER (also for `read_old`, `read_new`,
///     `write_new`); #FLASHDELTA_ERR_INVALID_ARGUMENT if a number in `flash` is out of its range, a
///     pointer is misaligned, blocks overlap, or `values` is no record; #FLASHDELTA_ERR_BUSY from a
///     callback of the same applier. On errors nothing has changed
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `workspace` to as many bytes as it
/// says, callbacks can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_init(
    applier: *mut flashdelta_applier,
    flash: *const flashdelta_flash,
    device: *const flashdelta_device,
    workspace: *mut u8,
    workspace_len: usize,
) -> flashdelta_status {
    let outcome = (|| {
        check(applier)?;
        check(flash)?;
        let mut options = ApplyOptions::default();
        if !device.is_null() {
            check(device)?;
            // SAFETY: not NULL, aligned; the rest is the caller's promise.
            let device = unsafe { *device };
            options = options.device(device.identity());
        }
        // SAFETY: not NULL, aligned; the rest is the caller's promise.
        let flash = unsafe { &*flash };
        options = options.ignore_trailing(flash.flags & FLASHDELTA_IGNORE_TRAILING != 0);
        let spans = [
            Span::of(workspace, workspace_len),
            Span::of(flash.buffer, flash.buffer_len),
            Span::of(core::ptr::null_mut::<u8>(), 0),
        ];
        let itself = Span::of(applier, FLASHDELTA_APPLIER_SIZE);
        #[cfg(feature = "holes")]
        if spans.iter().any(|span| span.overlaps(Span::of(flash.values, flash.values_len))) {
            return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
        }
        if spans[0].overlaps(spans[1]) || spans.iter().any(|span| span.overlaps(itself)) {
            return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
        }
        // SAFETY: the caller lends it until the applier is done with, so it is 'static for as long
        // as the applier is.
        let memory: &'static mut [u8] = unsafe { bytes_mut(workspace, workspace_len)? };
        let state = applier.cast::<State>();
        // SAFETY: not NULL, and aligned and large enough for a State, as the assertions above say.
        // Field by field, so that no second applier lies on the stack.
        unsafe {
            if (*state).phase == BUSY {
                return Err(FLASHDELTA_ERR_BUSY);
            }
            let (old, new) = flash.slots()?;
            addr_of_mut!((*state).lent).write(spans);
            let inner = Applier::new(memory, old, new, options);
            #[cfg(feature = "verify")]
            let inner = Guard::unguarded(inner);
            addr_of_mut!((*state).content).write(Content { applier: ManuallyDrop::new(inner) });
            addr_of_mut!((*state).phase).write(READY);
        }
        Ok(())
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Takes the next bytes of the patch, any number of them: the result does not depend on how the
/// patch is cut.
///
/// The call that completes the header checks the patch against the device and reads the whole old
/// image, before anything is written. The one that completes the patch calls `flush_new` and reads
/// the whole new image back. Any other may erase and write any part of the new slot, as a few bytes
/// of a patch can stand for a copy of the whole image. So the length of a call has no bound but the
/// slots: kick the watchdog in the callbacks, which come again and again, or use
/// flashdelta_applier_feed_within(), whose calls are short.
///
/// @param applier initialised by flashdelta_applier_init()
/// @param data the bytes; may be NULL if `len` is 0. Must not overlap `applier` or the workspace
/// @param len number of bytes, 0 or more
/// @param[out] progress how far the update has come, written only on success; may be NULL
/// @return #FLASHDELTA_OK; an error of the update (1xx, 3xx to 7xx), which is final: the applier
///     holds nothing any more but the detail for flashdelta_applier_last_error();
///     #FLASHDELTA_ERR_FAILED_BEFORE if that was so already; or #FLASHDELTA_ERR_NULL_POINTER,
///     #FLASHDELTA_ERR_INVALID_ARGUMENT, #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY,
///     after which nothing has changed. After errors up to #FLASHDELTA_ERR_OLD_MISMATCH (documented
///     with each) nothing has been written to the new slot
///
/// # Safety
///
/// C's usual rules: `applier` and `progress` point to what their types say, `len` bytes can be read
/// at `data`.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_feed(
    applier: *mut flashdelta_applier,
    data: *const u8,
    len: usize,
    progress: *mut flashdelta_progress,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe { feed(applier, data, len, u32::MAX, progress) }
}

/// Takes the next bytes of the patch, as many as it can without reading and writing more than
/// `budget` bytes of flash: for devices that have a watchdog, and other things to do. A library
/// that is built without its feature `bounded` lacks this function.
///
/// `progress->taken` tells how many bytes of the patch have been taken in all: feed again what was
/// not taken. As long as `progress->pending` is set there is something to do even without input
/// (`len` 0); the image is complete when `progress->done` is set, which a patch that has been taken
/// to its end need not be. The result does not depend on the budgets.
///
/// Bytes that are written count twice, since NOR flash is compared before it is written. What may
/// go beyond the budget: the first step of a call (1.7 KiB and the write granularity of the patch
/// at most), the call with `flush_new`, and the copying of the start of a sector that is right at
/// its start only, as described for flashdelta_flash. 4096 is a good budget: some milliseconds, and
/// an erase.
///
/// @param applier initialised by flashdelta_applier_init()
/// @param data the bytes; may be NULL if `len` is 0. Must not overlap `applier` or the workspace
/// @param len number of bytes, 0 or more
/// @param budget bytes of flash; UINT32_MAX: no bound, as flashdelta_applier_feed()
/// @param[out] progress how far the update has come, written only on success; may be NULL
/// @return as flashdelta_applier_feed()
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `data` to as many bytes as it says.
#[cfg(feature = "bounded")]
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_feed_within(
    applier: *mut flashdelta_applier,
    data: *const u8,
    len: usize,
    budget: u32,
    progress: *mut flashdelta_progress,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe { feed(applier, data, len, budget, progress) }
}

/// Takes input.
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `data` to as many bytes as it says.
unsafe fn feed(
    applier: *mut flashdelta_applier,
    data: *const u8,
    len: usize,
    budget: u32,
    progress: *mut flashdelta_progress,
) -> flashdelta_status {
    let outcome = (|| {
        if !progress.is_null() {
            check(progress)?;
        }
        // SAFETY: the caller's promise.
        let data = unsafe { bytes(data, len)? };
        // SAFETY: the caller's promise.
        let state = unsafe { enter(applier)? };
        let input = Span::of(data.as_ptr(), data.len());
        // SAFETY: `enter` has checked the pointer.
        let lent = unsafe { (*state).lent };
        let itself = Span::of(applier, FLASHDELTA_APPLIER_SIZE);
        if input.overlaps(itself) || lent.iter().any(|span| span.overlaps(input)) {
            return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
        }
        // SAFETY: `enter` has found the phase READY, so the applier is initialised. The reference
        // covers that field only: callbacks that call back look at the phase.
        let inner = unsafe {
            addr_of_mut!((*state).phase).write(BUSY);
            &mut *addr_of_mut!((*state).content.applier)
        };
        #[cfg(feature = "bounded")]
        let fed = inner.feed_within(data, budget);
        #[cfg(not(feature = "bounded"))]
        let fed = {
            let _no_bound = budget;
            inner.feed(data)
        };
        match fed {
            Ok(at) => {
                // SAFETY: as above; `progress` was checked.
                unsafe {
                    addr_of_mut!((*state).phase).write(READY);
                    if !progress.is_null() {
                        tell(progress, at);
                    }
                }
                Ok(())
            }
            // It may come again.
            #[cfg(feature = "verify")]
            Err(GuardError::Verify(VerifyError::WrongChunk { .. })) => {
                // SAFETY: as above.
                unsafe { addr_of_mut!((*state).phase).write(READY) };
                Err(FLASHDELTA_ERR_WRONG_CHUNK)
            }
            // SAFETY: as above.
            Err(error) => Err(unsafe { fail(state, (&error).into()) }),
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Ends an update: if the patch was complete and the new image is verified, calls `commit_new`.
/// Nothing else calls it.
///
/// @param applier initialised by flashdelta_applier_init()
/// @return #FLASHDELTA_OK: the new image is complete, verified and committed, and the applier is
///     free to be initialised again; #FLASHDELTA_ERR_TRUNCATED if the patch was not complete,
///     #FLASHDELTA_ERR_FAILED_BEFORE if there was an error before: the new slot must not be used;
///     #FLASHDELTA_ERR_COMMIT_NEW if `commit_new` failed; or #FLASHDELTA_ERR_NULL_POINTER,
///     #FLASHDELTA_ERR_INVALID_ARGUMENT, #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY,
///     after which nothing has changed
///
/// # Safety
///
/// C's usual rules: `applier` points to what its type says.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_finish(
    applier: *mut flashdelta_applier,
) -> flashdelta_status {
    let outcome = (|| {
        // SAFETY: the caller's promise.
        let state = unsafe { enter(applier)? };
        // SAFETY: `enter` has found the phase READY, so the applier is initialised; it is taken out
        // once: the phase says that until the outcome is known, and something else afterwards.
        let inner = unsafe {
            addr_of_mut!((*state).phase).write(BUSY);
            ManuallyDrop::take(&mut *addr_of_mut!((*state).content.applier))
        };
        match inner.finish() {
            Ok(_) => {
                // SAFETY: `enter` has checked the pointer.
                unsafe { addr_of_mut!((*state).phase).write(EMPTY) };
                Ok(())
            }
            Err(error) => {
                let detail = flashdelta_error_detail::from(&error);
                // SAFETY: `enter` has checked the pointer.
                unsafe {
                    addr_of_mut!((*state).content).write(Content { detail });
                    addr_of_mut!((*state).phase).write(FAILED);
                }
                Err(detail.status)
            }
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Gives an update up, whatever its state. What has been written to the new slot stays there,
/// uncommitted.
///
/// @param applier initialised by flashdelta_applier_init(), or filled with zeros
/// @return #FLASHDELTA_OK: the applier is free to be initialised again, also if there was nothing
///     to give up; #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT, or
///     #FLASHDELTA_ERR_BUSY from a callback of the same applier, after which nothing has changed
///
/// # Safety
///
/// C's usual rules: `applier` points to what its type says.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_abort(
    applier: *mut flashdelta_applier,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    match unsafe { enter(applier) } {
        Ok(state) => {
            // SAFETY: `enter` has found the phase READY, so the applier is initialised; afterwards
            // the phase says that it is not.
            unsafe {
                ManuallyDrop::drop(&mut *addr_of_mut!((*state).content.applier));
                addr_of_mut!((*state).phase).write(EMPTY);
            }
            FLASHDELTA_OK
        }
        Err(FLASHDELTA_ERR_FAILED_BEFORE | FLASHDELTA_ERR_NOT_INITIALISED) => {
            // SAFETY: `enter` has checked the pointer.
            unsafe { addr_of_mut!((*applier.cast::<State>()).phase).write(EMPTY) };
            FLASHDELTA_OK
        }
        Err(status) => status,
    }
}

/// Where and how an update failed.
///
/// @param applier initialised by flashdelta_applier_init(), and neither finished with success nor
///     aborted
/// @param[out] detail the first error of this update; its status is #FLASHDELTA_OK if there was
///     none. Written only on success
/// @return #FLASHDELTA_OK; or #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT,
///     #FLASHDELTA_ERR_NOT_INITIALISED, #FLASHDELTA_ERR_BUSY
///
/// Errors after which nothing has changed (2xx) are not kept.
///
/// # Safety
///
/// C's usual rules: `applier` and `detail` point to what their types say.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_last_error(
    applier: *const flashdelta_applier,
    detail: *mut flashdelta_error_detail,
) -> flashdelta_status {
    let outcome = (|| {
        check(detail)?;
        // SAFETY: the caller's promise.
        let found = match unsafe { enter(applier.cast_mut()) } {
            Ok(_) => flashdelta_error_detail::new(FLASHDELTA_OK),
            // SAFETY: `enter` has checked the pointer, and the phase says that the detail is what
            // is there.
            Err(FLASHDELTA_ERR_FAILED_BEFORE) => unsafe {
                (*applier.cast::<State>()).content.detail
            },
            Err(status) => return Err(status),
        };
        // SAFETY: the pointer was checked; the rest is the caller's promise.
        unsafe { detail.write(found) };
        Ok(())
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Says how far it is.
///
/// # Safety
///
/// `progress` was checked.
pub(crate) unsafe fn tell(progress: *mut flashdelta_progress, at: Progress) {
    let Progress { done, written, total, taken, pending } = at;
    let (done, pending) = (done.into(), pending.into());
    // SAFETY: the caller's promise.
    unsafe { progress.write(flashdelta_progress { done, written, total, taken, pending }) };
}
