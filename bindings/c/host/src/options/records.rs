//! Options: how files of records are read, and what else tells about images.

use core::ffi::c_char;

use flashdelta::bundle::BundleOptions;
use flashdelta::diff::DeviceProfile;
use flashdelta::file::MemoryOptions;
use flashdelta::image::{AfterEnd, Overlap, ReadOptions, Selection, WriteOptions};
use flashdelta_c_abi::bytes;
use flashdelta_c_abi::flashdelta_status::{self, *};

use super::{flashdelta_options, set};
use crate::error::Failure;
use crate::paths;

/// What is refused in files unless it is accepted: flags for flashdelta_options_set_accept().
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum flashdelta_accept {
    /// Records that hold the same address: the last one in the file wins.
    FLASHDELTA_ACCEPT_OVERLAP = 1,
    /// The same, and the first one wins.
    FLASHDELTA_ACCEPT_OVERLAP_FIRST = 2,
    /// The same, if both hold the same byte.
    FLASHDELTA_ACCEPT_OVERLAP_SAME = 4,
    /// Data after the end record: left out.
    FLASHDELTA_ACCEPT_AFTER_END = 8,
    /// The same, and read.
    FLASHDELTA_ACCEPT_AFTER_END_READ = 16,
    /// Wrong checksums and record counts.
    FLASHDELTA_ACCEPT_CHECKSUM = 32,
    /// Lines (in UF2: blocks) that are no records.
    FLASHDELTA_ACCEPT_COMMENTS = 64,
    /// Intel HEX records of unknown types, such as signatures: carried along, not in the memory.
    FLASHDELTA_ACCEPT_RECORDS = 128,
    /// A manifest in an archive that is wrong: a file like any other.
    FLASHDELTA_ACCEPT_MANIFEST = 256,
}

use flashdelta_accept::*;

/// Flags of which only one can be set.
const OVERLAPS: u32 = FLASHDELTA_ACCEPT_OVERLAP as u32
    | FLASHDELTA_ACCEPT_OVERLAP_FIRST as u32
    | FLASHDELTA_ACCEPT_OVERLAP_SAME as u32;
const AFTER_ENDS: u32 =
    FLASHDELTA_ACCEPT_AFTER_END as u32 | FLASHDELTA_ACCEPT_AFTER_END_READ as u32;
/// All flags.
const KNOWN: u32 = OVERLAPS
    | AFTER_ENDS
    | FLASHDELTA_ACCEPT_CHECKSUM as u32
    | FLASHDELTA_ACCEPT_COMMENTS as u32
    | FLASHDELTA_ACCEPT_RECORDS as u32
    | FLASHDELTA_ACCEPT_MANIFEST as u32;

/// How files are read.
#[derive(Default)]
pub(crate) struct Reading {
    accept: u32,
    strict: bool,
    fill: Option<u8>,
    range: Option<(u32, u64)>,
    family: Option<u32>,
    board: Option<u16>,
    image: Option<u16>,
}

impl Reading {
    pub(crate) fn read(&self) -> ReadOptions {
        let select = Selection::new().family(self.family).board(self.board).image(self.image);
        let accepts = |flag: flashdelta_accept| self.accept & flag as u32 != 0;
        let overlaps = [
            (FLASHDELTA_ACCEPT_OVERLAP, Overlap::LastWins),
            (FLASHDELTA_ACCEPT_OVERLAP_FIRST, Overlap::FirstWins),
            (FLASHDELTA_ACCEPT_OVERLAP_SAME, Overlap::AcceptSame),
        ];
        let overlap = overlaps.into_iter().find(|(flag, _)| accepts(*flag));
        let after_end = [
            (FLASHDELTA_ACCEPT_AFTER_END_READ, AfterEnd::Read),
            (FLASHDELTA_ACCEPT_AFTER_END, AfterEnd::Ignore),
        ];
        let after_end = after_end.into_iter().find(|(flag, _)| accepts(*flag));
        ReadOptions::new()
            .strict(self.strict)
            .overlap(overlap.map_or_else(Overlap::default, |(_, overlap)| overlap))
            .after_end(after_end.map_or_else(AfterEnd::default, |(_, after_end)| after_end))
            .ignore_checksums(accepts(FLASHDELTA_ACCEPT_CHECKSUM))
            .skip_garbage(accepts(FLASHDELTA_ACCEPT_COMMENTS))
            .unknown_records(accepts(FLASHDELTA_ACCEPT_RECORDS))
            .select(select)
    }

    /// How the same is written.
    pub(crate) fn write(&self) -> WriteOptions {
        let write = WriteOptions::new().range(self.range).family(self.family);
        match self.fill {
            Some(fill) => write.fill(fill),
            None => write,
        }
    }

    pub(crate) fn memory(&self) -> MemoryOptions {
        let memory = MemoryOptions::new().read(self.read()).range(self.range);
        match self.fill {
            Some(fill) => memory.fill(fill),
            None => memory,
        }
    }

    pub(crate) fn bundle(&self) -> BundleOptions {
        let manifests = self.accept & FLASHDELTA_ACCEPT_MANIFEST as u32 != 0;
        BundleOptions::new().accept_manifests(manifests)
    }
}

/// What is refused in files by default, and is to be accepted.
///
/// @param options to be changed
/// @param flags of flashdelta_accept, joined by |; 0: none (the default)
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if there
///     is another bit, or two flags that contradict each other
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_accept(
    options: *mut flashdelta_options,
    flags: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            let is_one = |mask: u32| (flags & mask).count_ones() <= 1;
            if flags & !KNOWN != 0 || !is_one(OVERLAPS) || !is_one(AFTER_ENDS) {
                let message = format!("flags {flags:#x}: unknown, or contradicting each other");
                return Err(Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, message));
            }
            options.reading.accept = flags;
            Ok(())
        })
    }
}

/// Whether damaged archives, and files whose own lengths, checksums or digests are wrong, are
/// refused.
///
/// @param options to be changed
/// @param strict 0 (the default): they are taken, with a warning; anything else: they are refused
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_strict(
    options: *mut flashdelta_options,
    strict: i32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.reading.strict = strict != 0;
            Ok(())
        })
    }
}

/// What gaps in files of records are filled with: what the flash holds where nothing was written.
///
/// @param options to be changed
/// @param fill the byte; 0xff unless set
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if it is
///     no byte
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_fill(
    options: *mut flashdelta_options,
    fill: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.reading.fill = Some(narrow(fill, "the filling")?);
            Ok(())
        })
    }
}

/// The addresses that the device holds: of files of records only these are in its image.
///
/// @param options to be changed
/// @param from the first one
/// @param end one past the last, up to 2^32; 0: all addresses (the default)
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if `end`
///     is not above `from`, or above 2^32
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_range(
    options: *mut flashdelta_options,
    from: u32,
    end: u64,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            if end != 0 && (end <= u64::from(from) || end > 1 << 32) {
                let message = format!("addresses {from:#x} to {end:#x} are none at all");
                return Err(Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, message));
            }
            options.reading.range = (end != 0).then_some((from, end));
            Ok(())
        })
    }
}

/// UF2: only the blocks of this family are read; flashdelta_convert() also writes it.
///
/// @param options to be changed
/// @param family its number
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_family(
    options: *mut flashdelta_options,
    family: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.reading.family = Some(family);
            Ok(())
        })
    }
}

/// micro:bit Universal Hex: only this board is read.
///
/// @param options to be changed
/// @param board 0x9900 or 0x9903
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if it has
///     more than 16 bits
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_board(
    options: *mut flashdelta_options,
    board: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.reading.board = Some(narrow(board, "the board")?);
            Ok(())
        })
    }
}

/// UF2 with several images at the same addresses: only this one is read.
///
/// @param options to be changed
/// @param image its number, from 1; 0: all of them (the default)
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if it has
///     more than 16 bits
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_image(
    options: *mut flashdelta_options,
    image: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.reading.image = Some(narrow(image, "the image")?).filter(|image| *image > 0);
            Ok(())
        })
    }
}

/// The ELF files that the images were made from: they tell addresses, and what is code.
///
/// @param options to be changed
/// @param old_elf that of the old image, copied; NULL: none (the default)
/// @param old_len its size in bytes
/// @param new_elf that of the new image, copied; NULL: none
/// @param new_len its size in bytes
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT. Whether
///     they are ELF files shows when the patch is made
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_elfs(
    options: *mut flashdelta_options,
    old_elf: *const u8,
    old_len: usize,
    new_elf: *const u8,
    new_len: usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            let copy = |elf: *const u8, len| -> Result<Option<Vec<u8>>, Failure> {
                // An empty one is wrong, which is said when the patch is made.
                Ok(if elf.is_null() && len == 0 { None } else { Some(bytes(elf, len)?.to_vec()) })
            };
            (options.old_elf, options.new_elf) = (copy(old_elf, old_len)?, copy(new_elf, new_len)?);
            Ok(())
        })
    }
}

/// As flashdelta_options_set_profile(), from a file of TOML: the one that `flashdelta diff
/// --profile` takes.
///
/// @param options to be changed
/// @param path of the file
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if it
///     describes no profile; #FLASHDELTA_ERR_FILE if it cannot be read
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_load_profile(
    options: *mut flashdelta_options,
    path: *const c_char,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.profile = DeviceProfile::read(&paths::path(path)?)?;
            Ok(())
        })
    }
}

/// A number of fewer bits.
fn narrow<T: TryFrom<u32>>(number: u32, what: &str) -> Result<T, Failure> {
    number.try_into().map_err(|_| {
        Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, format!("{what} {number:#x} is too large"))
    })
}
