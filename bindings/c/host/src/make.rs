//! Making patches.

use core::ffi::c_char;

use flashdelta::apply::{NewFile, NewImage as _};
use flashdelta::diff;
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{bytes, put};

use crate::buffer::flashdelta_buffer;
use crate::error::{guard, Failure};
use crate::options::flashdelta_options;
use crate::paths;

/// Makes a patch that turns one image into another. The same arguments give the same patch on every machine.
///
/// @param old the image that devices have; a file in a format that tells addresses (ESP image, ELF, ...) is understood. May be NULL if `old_len` is 0
/// @param old_len its size in bytes; both images together have less than 2 GiB
/// @param new_image the image that they shall have; may be NULL if `new_len` is 0
/// @param new_len its size in bytes
/// @param options NULL for the defaults
/// @param[out] patch written only on success; give it back with flashdelta_buffer_free(). What was in it before is not freed
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_PROFILE_TOO_SMALL, #FLASHDELTA_ERR_IMAGES_TOO_LARGE, #FLASHDELTA_ERR_NOT_IN_PROFILE, #FLASHDELTA_ERR_CODEC_NOT_BUILT;
///     #FLASHDELTA_ERR_CANCELLED by the progress callback; #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT; #FLASHDELTA_ERR_PANIC
///
/// May be called from any thread, and from several at a time. It starts threads, and takes many times the size of
/// the images in memory: some 45 MiB for two of 1.5 MB.
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_make(
    old: *const u8,
    old_len: usize,
    new_image: *const u8,
    new_len: usize,
    options: *const flashdelta_options,
    patch: *mut flashdelta_buffer,
) -> flashdelta_status {
    guard(|| {
        if patch.is_null() {
            return Err(FLASHDELTA_ERR_NULL_POINTER.into());
        }
        // SAFETY: the caller's promise.
        let (old, new) = unsafe { (bytes(old, old_len)?, bytes(new_image, new_len)?) };
        // SAFETY: the caller's promise.
        let options = unsafe { options.as_ref() };
        let made = make(old, new, options)?;
        // SAFETY: the caller's promise.
        Ok(unsafe { put(patch, made.into()) }?)
    })
}

/// As flashdelta_make(), from files to a file.
///
/// The patch is written under a temporary name beside the final one, which it gets once it is complete and on the disk. A file that has that name already
/// is replaced.
///
/// @param old_path of the image that devices have; any bytes on Unix, UTF-8 on Windows, as all paths
/// @param new_path of the image that they shall have
/// @param patch_path of the patch
/// @param options NULL for the defaults
/// @return as flashdelta_make(); #FLASHDELTA_ERR_FILE if a file cannot be read or written
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_make_file(
    old_path: *const c_char,
    new_path: *const c_char,
    patch_path: *const c_char,
    options: *const flashdelta_options,
) -> flashdelta_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (old_path, new_path, patch_path) =
            unsafe { (paths::path(old_path)?, paths::path(new_path)?, paths::path(patch_path)?) };
        // SAFETY: the caller's promise.
        let options = unsafe { options.as_ref() };
        let read = |path| std::fs::read(path).map_err(|error| Failure::file("read", path, &error));
        let made = make(&read(&old_path)?, &read(&new_path)?, options)?;
        let write = || {
            let mut file = NewFile::create(&patch_path)?;
            file.write(0, &made)?;
            file.flush()?;
            file.commit()
        };
        write().map_err(|error| Failure::file("write", &patch_path, &error))
    })
}

fn make(old: &[u8], new: &[u8], options: Option<&flashdelta_options>) -> Result<Vec<u8>, Failure> {
    let options = options.map_or_else(diff::DiffOptions::new, |options| options.for_diff());
    Ok(diff::diff(old, new, &options)?.bytes)
}

/// The version of this library.
///
/// @return "major.minor.patch", a string that lives for ever
#[no_mangle]
pub extern "C" fn flashdelta_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
