//! Applying patches, with a heap at hand.

use core::ffi::c_char;
use core::ops::ControlFlow;

use flashdelta::apply::Progress;
use flashdelta::door::{self, ApplyRequest, PatchError};
use flashdelta::Input;
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{bytes, put};

use crate::buffer::flashdelta_buffer;
use crate::error::{guard, Failure};
use crate::files;
use crate::options::flashdelta_options;
use crate::paths;
use crate::progress::flashdelta_phase;

/// Applies a patch in memory, one for devices or a bundle.
///
/// What comes out is the very file that the patch was made for, unless
/// flashdelta_options_set_output() says otherwise. Files that grow out of all proportion, beyond 64
/// MiB and 16 times the old file, are refused (#FLASHDELTA_ERR_NEW_TOO_LONG).
///
/// @param old the old file, or what a device has in its slot; may be NULL if `old_len` is 0. It may
///     be longer than the one that the patch was made from, as the content of a slot is
/// @param old_len its size in bytes
/// @param patch the patch
/// @param patch_len its size in bytes
/// @param options the device, the output and the progress callback count; NULL for the defaults
/// @param[out] new_image written only on success; give it back with flashdelta_buffer_free(). What
///     was in it before is not freed
/// @return #FLASHDELTA_OK; an error of the patch or the old image (3xx to 6xx);
///     #FLASHDELTA_ERR_CANCELLED by the progress callback; #FLASHDELTA_ERR_NULL_POINTER,
///     #FLASHDELTA_ERR_INVALID_ARGUMENT; #FLASHDELTA_ERR_PANIC
///
/// May be called from any thread, and from several at a time.
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_apply(
    old: *const u8,
    old_len: usize,
    patch: *const u8,
    patch_len: usize,
    options: *const flashdelta_options,
    new_image: *mut flashdelta_buffer,
) -> flashdelta_status {
    guard(|| {
        if new_image.is_null() {
            return Err(FLASHDELTA_ERR_NULL_POINTER.into());
        }
        // SAFETY: the caller's promise.
        let (old, patch, options) =
            unsafe { (bytes(old, old_len)?, bytes(patch, patch_len)?, options.as_ref()) };
        let new = apply(old, patch, options)?;
        // SAFETY: the caller's promise.
        Ok(unsafe { put(new_image, new.into()) }?)
    })
}

/// As flashdelta_apply(), from files to a file; bundles between folders make a folder, which must
/// not be there yet.
///
/// The new image is written under a temporary name beside the final one, which it gets once it is
/// complete, verified and on the disk; on errors it is removed. A file that has that name already
/// is replaced.
///
/// @param old_path of the old image; any bytes on Unix, UTF-8 on Windows, as all paths
/// @param patch_path of the patch
/// @param new_path of the new image; not the same file as one of the others
/// @param options the device, the output and the progress callback count; NULL for the defaults
/// @return as flashdelta_apply(); #FLASHDELTA_ERR_FILE if a file cannot be opened, read or written,
///     or if `new_path` is one of the others
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_apply_file(
    old_path: *const c_char,
    patch_path: *const c_char,
    new_path: *const c_char,
    options: *const flashdelta_options,
) -> flashdelta_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (old_path, patch_path, new_path) =
            unsafe { (paths::path(old_path)?, paths::path(patch_path)?, paths::path(new_path)?) };
        // SAFETY: the caller's promise.
        let options = unsafe { options.as_ref() };
        files::check_output(&new_path, &[&old_path, &patch_path])?;
        let patch = files::read(&patch_path)?;
        requested(options, |request| {
            door::apply_file(&old_path, &patch, &new_path, request).map(drop)
        })
    })
}

/// Whether the patch turns the old image into the one that it promises. As flashdelta_apply(), but
/// the result is not kept, the workspace is exactly the one that the patch asks for, as on a
/// device, and zeros stand for values of holes that are not given.
///
/// @param old the old image; may be NULL if `old_len` is 0
/// @param old_len its size in bytes
/// @param patch the patch
/// @param patch_len its size in bytes
/// @param options the device, the output and the progress callback count; NULL for the defaults
/// @return as flashdelta_apply()
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_verify(
    old: *const u8,
    old_len: usize,
    patch: *const u8,
    patch_len: usize,
    options: *const flashdelta_options,
) -> flashdelta_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (old, patch, options) =
            unsafe { (bytes(old, old_len)?, bytes(patch, patch_len)?, options.as_ref()) };
        requested(options, |request| {
            door::verify(&Input::from_bytes(old), patch, request).map(drop)
        })
    })
}

/// Applies a whole patch of any kind to a file; gives the new file.
fn apply(
    old: &[u8],
    patch: &[u8],
    options: Option<&flashdelta_options>,
) -> Result<Vec<u8>, Failure> {
    requested(options, |request| {
        door::apply(&Input::from_bytes(old), patch, request).map(|applied| applied.bytes)
    })
}

/// Does what the options ask for, and tells how far it is.
fn requested<T>(
    options: Option<&flashdelta_options>,
    work: impl FnOnce(ApplyRequest<'_>) -> Result<T, PatchError>,
) -> Result<T, Failure> {
    let reporter = options.and_then(|options| options.reporter());
    let mut watch = |at: Progress| {
        let fraction = if at.done { 1.0 } else { at.written as f32 / at.total.max(1) as f32 };
        reporter.map_or(ControlFlow::Continue(()), |reporter| {
            reporter.report(flashdelta_phase::FLASHDELTA_PHASE_APPLY, fraction)
        })
    };
    let mut request = ApplyRequest::new().watch(&mut watch);
    if let Some(options) = options {
        request = request
            .device(options.device)
            .output(options.output)
            .limit(options.limit)
            .values(options.values.clone())
            .ram(options.device_ram);
    }
    Ok(work(request)?)
}
