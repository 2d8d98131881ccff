//! Making patches.

use core::ffi::c_char;

use flashdelta::door::{self, MakeRequest};
use flashdelta::Input;
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{bytes, put};

use crate::buffer::flashdelta_buffer;
use crate::error::{guard, Failure};
use crate::files;
use crate::options::flashdelta_options;
use crate::paths;

/// Makes a patch that turns one firmware file into another. The same arguments give the same patch
/// on every machine.
///
/// Of files of records (Intel HEX, S-records, TI-TXT, UF2) the memory in them is patched: a device
/// makes the new memory of such a patch, flashdelta_apply() the very file. A patch between archives
/// (zip, tar, gzip) is a *bundle*, which only hosts can apply, unless a patch between both as they
/// are is smaller; flashdelta_read_firmware_info() tells which it is. The patch is applied to see
/// that it works, unless flashdelta_options_set_verify() says otherwise.
/// flashdelta_options_set_verbatim() has files of any kind patched as they are.
///
/// @param old the file that devices have, or were made of; formats that tell addresses (ESP image,
///     ELF, ...) are understood. May be NULL if `old_len` is 0
/// @param old_len its size in bytes; both images together have less than 2 GiB
/// @param new_image the image that they shall have; may be NULL if `new_len` is 0
/// @param new_len its size in bytes
/// @param options NULL for the defaults
/// @param[out] patch written only on success; give it back with flashdelta_buffer_free(). What was
///     in it before is not freed
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_FIRMWARE_FILE, also if `new_len` is 0 and
///     flashdelta_options_set_allow_empty() does not permit it; #FLASHDELTA_ERR_PROFILE_TOO_SMALL,
///     #FLASHDELTA_ERR_IMAGES_TOO_LARGE, #FLASHDELTA_ERR_NOT_IN_PROFILE,
///     #FLASHDELTA_ERR_CODEC_NOT_BUILT; #FLASHDELTA_ERR_CANCELLED by the progress callback;
///     #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT; #FLASHDELTA_ERR_PANIC
///
/// May be called from any thread, and from several at a time. It starts threads, and takes many
/// times the size of the images in memory: some 45 MiB for two of 1.5 MB.
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
        let read = |bytes| match is_verbatim(options) {
            true => Input::verbatim(bytes),
            false => Input::from_bytes(bytes),
        };
        let made = make(&read(old), &read(new), options)?;
        // SAFETY: the caller's promise.
        Ok(unsafe { put(patch, made.into()) }?)
    })
}

/// As flashdelta_make(), from files to a file. In place of a file there may be a folder, or a
/// manifest.json (ESP Web Tools) or flasher_args.json (ESP-IDF) with the parts that it names beside
/// it: they count as archives.
///
/// The patch is written under a temporary name beside the final one, which it gets once it is
/// complete and on the disk. A file that has that name already is replaced.
///
/// @param old_path of the image that devices have; any bytes on Unix, UTF-8 on Windows, as all
///     paths
/// @param new_path of the image that they shall have
/// @param patch_path of the patch
/// @param options NULL for the defaults
/// @return as flashdelta_make(); #FLASHDELTA_ERR_FILE if a file cannot be read or written, or if
///     `patch_path` is one of the others
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
        files::check_output(&patch_path, &[&old_path, &new_path])?;
        let read = |path| match is_verbatim(options) {
            true => Input::open_verbatim(path),
            false => Input::open(path),
        };
        files::write(&patch_path, &make(&read(&old_path)?, &read(&new_path)?, options)?)
    })
}

fn is_verbatim(options: Option<&flashdelta_options>) -> bool {
    options.is_some_and(|options| options.verbatim)
}

fn make(
    old: &Input<'_>,
    new: &Input<'_>,
    options: Option<&flashdelta_options>,
) -> Result<Vec<u8>, Failure> {
    let Some(options) = options else {
        return Ok(door::make(old, new, &MakeRequest::new())?.bytes);
    };
    let made = door::make(old, new, &options.for_make())?;
    options.warn(&made.warnings);
    Ok(made.bytes)
}

/// The version of this library.
///
/// @return "major.minor.patch", a string that lives for ever
#[no_mangle]
pub extern "C" fn flashdelta_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
