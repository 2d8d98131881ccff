//! Applying patches, with a heap at hand.

use core::ffi::c_char;
use core::fmt;

use flashdelta::apply::{Applier, MemoryImage, NewFile, NewImage, OldFile, OldImage};
use flashdelta::bundle;
use flashdelta::file::{Files, Output};
use flashdelta::image;
use flashdelta::{PatchHeader, MAX_HEADER_LEN};
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{bytes, put};

use crate::buffer::flashdelta_buffer;
use crate::error::{guard, Failure};
use crate::files;
use crate::options::flashdelta_options;
use crate::paths;
use crate::progress::flashdelta_phase;

/// Bytes of the patch that are fed at a time: the progress callback is asked in between.
const PIECE: usize = 1024;

/// Workspace beyond the stated one: larger windows.
const EXTRA: usize = 64 * 1024;

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
/// or if `new_path` is one of the others
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
        if !is_plain(&old_path, &patch, options)? {
            // Making what it is made of takes all of it in memory.
            return files::write_unpacked(
                &new_path,
                &apply(&files::read_packed(&old_path)?, &patch, options)?,
            );
        }
        let old =
            OldFile::open(&old_path).map_err(|error| Failure::file("read", &old_path, &error))?;
        let new = NewFile::create(&new_path)
            .map_err(|error| Failure::file("write", &new_path, &error))?;
        drive(old, new, &patch, options).map(drop)
    })
}

/// Does the patch turn the old image into the one that it promises? As flashdelta_apply(), but the
/// result is not kept.
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
        apply(old, patch, options).map(drop)
    })
}

/// Are the files images as they are? Then the new one can be written as it is made.
fn is_plain(
    old: &std::path::Path,
    patch: &[u8],
    options: Option<&flashdelta_options>,
) -> Result<bool, Failure> {
    use std::io::Read as _;

    if bundle::is_bundle(patch) || options.is_some_and(|options| options.output != Output::Same) {
        return Ok(false);
    }
    let mut start = Vec::new();
    let read = std::fs::File::open(old).and_then(|file| file.take(4096).read_to_end(&mut start));
    read.map_err(|error| Failure::file("read", old, &error))?;
    // What is wrong with the patch is found out when it is applied.
    let has_host_section =
        matches!(PatchHeader::parse(patch), Ok(Some(header)) if header.host_len != 0);
    Ok(!has_host_section && !image::detect(&start).is_records())
}

/// Applies a whole patch of any kind to a file; gives the new file.
fn apply(
    old: &[u8],
    patch: &[u8],
    options: Option<&flashdelta_options>,
) -> Result<Vec<u8>, Failure> {
    let output = options.map_or(Output::Same, |options| options.output);
    if bundle::is_bundle(patch) {
        if output != Output::Same || options.is_some_and(|options| options.device.is_some()) {
            let message =
                "the patch is a bundle, for hosts: it knows no devices and no other formats";
            return Err(Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, message));
        }
        return Ok(bundle::apply(old, patch)?);
    }
    let files = Files::of(old, patch)?;
    let new = MemoryImage::for_patch(old.len() as u64, patch.len() as u64);
    let image = drive(files.old_image(), new, patch, options)?;
    Ok(files.finish(image.into_bytes(), output)?)
}

/// Applies a whole patch for devices; gives the new image.
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
        if reporter.is_some_and(|r| {
            r.report(flashdelta_phase::FLASHDELTA_PHASE_APPLY, fraction).is_break()
        }) {
            return Err(FLASHDELTA_ERR_CANCELLED.into());
        }
    }
    Ok(applier.finish()?.1)
}

fn header_error(
    error: flashdelta::HeaderError,
) -> flashdelta::apply::ApplyError<std::io::Error, std::io::Error> {
    error.into()
}
