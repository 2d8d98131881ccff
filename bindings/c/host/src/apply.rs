//! Applying patches, with a heap at hand.

use core::ffi::c_char;
use core::fmt;

use flashdelta::apply::{Applier, NewFile, NewImage, OldFile, OldImage};
use flashdelta::{PatchHeader, MAX_HEADER_LEN};
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{bytes, put};

use crate::buffer::flashdelta_buffer;
use crate::error::{guard, Failure};
use crate::options::{flashdelta_options, flashdelta_phase};
use crate::paths;

/// Bytes of the patch that are fed at a time: the progress callback is asked in between.
const PIECE: usize = 1024;

/// Workspace beyond the stated one: larger windows.
const EXTRA: usize = 64 * 1024;

/// Applies a patch in memory.
///
/// @param old the old image; may be NULL if `old_len` is 0. It may be longer than the one that the patch was made from, as the content of a slot is
/// @param old_len its size in bytes
/// @param patch the patch
/// @param patch_len its size in bytes
/// @param options the device (flashdelta_options_set_device()) and the progress callback count; NULL for the defaults
/// @param[out] new_image written only on success; give it back with flashdelta_buffer_free(). What was in it before is not freed
/// @return #FLASHDELTA_OK; an error of the patch or the old image (3xx to 6xx); #FLASHDELTA_ERR_CANCELLED by the progress callback; #FLASHDELTA_ERR_NULL_POINTER,
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
        let (old, patch, options) = unsafe { (bytes(old, old_len)?, bytes(patch, patch_len)?, options.as_ref()) };
        let new = drive(old, Vec::new(), patch, options)?;
        // SAFETY: the caller's promise.
        Ok(unsafe { put(new_image, new.into()) }?)
    })
}

/// As flashdelta_apply(), from files to a file.
///
/// The new image is written under a temporary name beside the final one, which it gets once it is complete, verified and on the disk; on errors it is
/// removed. A file that has that name already is replaced.
///
/// @param old_path of the old image; any bytes on Unix, UTF-8 on Windows, as all paths
/// @param patch_path of the patch
/// @param new_path of the new image; not the same file as one of the others
/// @param options the device (flashdelta_options_set_device()) and the progress callback count; NULL for the defaults
/// @return as flashdelta_apply(); #FLASHDELTA_ERR_FILE if a file cannot be opened, read or written, or if `new_path` is one of the others
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
        let same = |path| std::fs::canonicalize(path).ok();
        if same(&new_path).is_some_and(|new| [same(&old_path), same(&patch_path)].contains(&Some(new))) {
            let message = format!("{} is also an input", new_path.display());
            return Err(Failure::new(FLASHDELTA_ERR_FILE, message));
        }
        let old = OldFile::open(&old_path).map_err(|error| Failure::file("read", &old_path, &error))?;
        let patch = std::fs::read(&patch_path).map_err(|error| Failure::file("read", &patch_path, &error))?;
        let new = NewFile::create(&new_path).map_err(|error| Failure::file("write", &new_path, &error))?;
        drive(old, new, &patch, options).map(drop)
    })
}

/// Does the patch turn the old image into the one that it promises? As flashdelta_apply(), but the result is not kept.
///
/// @param old the old image; may be NULL if `old_len` is 0
/// @param old_len its size in bytes
/// @param patch the patch
/// @param patch_len its size in bytes
/// @param options the device (flashdelta_options_set_device()) and the progress callback count; NULL for the defaults
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
        let (old, patch, options) = unsafe { (bytes(old, old_len)?, bytes(patch, patch_len)?, options.as_ref()) };
        drive(old, Vec::new(), patch, options).map(drop)
    })
}

/// Applies a whole patch; gives the new image.
fn drive<O: OldImage, N: NewImage>(
    old: O,
    new: N,
    patch: &[u8],
    options: Option<&flashdelta_options>,
) -> Result<N, Failure>
where
    O::Error: fmt::Display,
    N::Error: fmt::Display,
{
    let header = PatchHeader::parse(patch).map_err(|error| Failure::from(header_error(error)))?;
    let len = header.map_or(MAX_HEADER_LEN, |header| header.workspace_len()) + EXTRA;
    let mut workspace = Vec::new();
    if workspace.try_reserve_exact(len).is_err() {
        let message = format!("the patch needs {len} bytes of memory, and they are not there");
        return Err(Failure::new(FLASHDELTA_ERR_WORKSPACE_TOO_SMALL, message));
    }
    workspace.resize(len, 0);
    let apply_options = options.map(|options| options.for_apply()).unwrap_or_default();
    let reporter = options.and_then(|options| options.reporter());
    let mut applier = Applier::new(&mut workspace, old, new, apply_options);
    for piece in patch.chunks(PIECE) {
        let at = applier.feed(piece)?;
        let fraction = if at.done { 1.0 } else { at.written as f32 / at.total.max(1) as f32 };
        // What is done is done: it has its name already.
        if reporter.is_some_and(|r| r.report(flashdelta_phase::FLASHDELTA_PHASE_APPLY, fraction).is_break()) && !at.done
        {
            return Err(FLASHDELTA_ERR_CANCELLED.into());
        }
    }
    Ok(applier.finish()?.1)
}

fn header_error(error: flashdelta::HeaderError) -> flashdelta::apply::ApplyError<std::io::Error, std::io::Error> {
    error.into()
}
