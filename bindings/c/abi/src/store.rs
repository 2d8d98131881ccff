//! A store that receives a patch in any order.

mod state;

use core::ffi::c_void;
use core::mem::ManuallyDrop;
use core::ptr::addr_of_mut;

use flashdelta::apply::SoftwareSha256;
use flashdelta::nor::Slot;
use flashdelta::receive::{Store, StoreError};
use flashdelta::verify::Verifier;
use flashdelta::PatchHeader;

use crate::callbacks::{Fault, Region};
use crate::detail::flashdelta_error_detail;
#[cfg(feature = "bounded")]
use crate::flashdelta_applier_feed_within;
use crate::flashdelta_status::{self, *};
use crate::pointers::{bytes, bytes_mut, check, put};
use crate::verifier::{flashdelta_verify_fn, Callback};
use crate::{flashdelta_applier, flashdelta_applier_feed, flashdelta_device, flashdelta_progress};
use state::{status_of, with, Inner, State, BUSY, READY};

/// Size of a flashdelta_store, in words of `sizeof(size_t)` bytes: 608 bytes on machines of 32
/// bits.
pub const FLASHDELTA_STORE_WORDS: usize = 152;

/// A region of flash that receives the chunks of a patch in any order, doubled, damaged, forged,
/// from several senders. Each chunk is checked before it is written; what is there survives resets
/// at any moment. The memory is yours, what is in it is not.
///
/// It needs the alignment of a size_t. Do not copy or move it once it is open. One thread uses one
/// store at a time.
#[repr(C)]
pub struct flashdelta_store {
    /// Private.
    pub opaque: [usize; FLASHDELTA_STORE_WORDS],
}

/// The region, and how to get at it.
///
/// Fill it with zeros first (memset()). It is copied by flashdelta_store_open(); what `user` and
/// `buffer` point to must live as long as the store is used. Callbacks return 0 for success.
/// Offsets count bytes from the start of the region.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flashdelta_store_flash {
    /// Passed to every callback. May be NULL.
    pub user: *mut c_void,
    /// Bytes of the region: a multiple of `sector_size`.
    pub size: u32,
    /// The unit in which it is written, in bytes; 0 counts as 1. Units are written once after each
    /// erase, but not in ascending order. Above #FLASHDELTA_MAX_WRITE_SIZE it needs a `buffer` of a
    /// unit.
    pub write_size: u32,
    /// The unit in which it is erased, in bytes, a multiple of `write_size`.
    pub sector_size: u32,
    /// Reads `len` bytes from byte `offset` into `to`.
    pub read: Option<
        unsafe extern "C" fn(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32,
    >,
    /// Writes `len` bytes to byte `offset`, all in one sector.
    pub write: Option<
        unsafe extern "C" fn(user: *mut c_void, offset: u32, from: *const u8, len: usize) -> i32,
    >,
    /// Erases the sector at byte `offset`: bytes of 0xFF afterwards.
    pub erase: Option<unsafe extern "C" fn(user: *mut c_void, offset: u32) -> i32>,
    /// Checks a signature. With it nothing of a patch is stored before a signature of it is right;
    /// and what is there when the store is opened counts only if a signature of it is right still.
    /// NULL: no signature is required, and a patch in the store stays until it is cleared.
    pub verify: flashdelta_verify_fn,
    /// RAM for writing and reading more than 64 bytes at a time: a page of the flash, say. NULL for
    /// none.
    pub buffer: *mut u8,
    /// Its size in bytes; 0 if it is NULL.
    pub buffer_len: usize,
    /// What the device is; copied. Patches for others are refused before anything is erased for
    /// them, and those that do not say for whom they are. NULL: not looked at.
    pub device: *const flashdelta_device,
}

/// What is in a store.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct flashdelta_store_info {
    /// Names the patch: the first 8 bytes of the SHA-256 of its header. All zero: there is none.
    pub patch: [u8; 8],
    /// Pieces of the patch: those of its chunk table come first, and then its chunks. 0 if there is
    /// no patch.
    pub pieces: u32,
    /// How many of them are the chunk table's.
    pub table_pieces: u32,
    /// 1 if all of it is there, else 0.
    pub complete: u32,
}

/// Opens a store, as whatever was before has left it. Nothing is written.
///
/// @param store memory for it; whatever it holds is overwritten
/// @param flash the region; copied
/// @param memory RAM with a bit for each piece of a patch, as flashdelta_store_needs() tells. It
///     belongs to the store from now on
/// @param memory_len its size in bytes
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT (also if
///     the region does not fit its sectors and units); #FLASHDELTA_ERR_STORE_TOO_SMALL if region or
///     memory are; an error of a callback
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, callbacks can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_open(
    store: *mut flashdelta_store,
    flash: *const flashdelta_store_flash,
    memory: *mut u8,
    memory_len: usize,
) -> flashdelta_status {
    let outcome = (|| {
        check(store)?;
        check(flash)?;
        // SAFETY: not NULL, aligned; the rest is the caller's promise.
        let flash = unsafe { *flash };
        let sizes = [flash.size, flash.write_size, flash.sector_size];
        let region = Region::erased(flash.user, sizes, (flash.read, flash.write, flash.erase))?;
        // SAFETY: the caller lends both for as long as the store is used.
        let (memory, buffer): (&'static mut [u8], &'static mut [u8]) =
            unsafe { (bytes_mut(memory, memory_len)?, bytes_mut(flash.buffer, flash.buffer_len)?) };
        let mut device = None;
        if !flash.device.is_null() {
            check(flash.device)?;
            // SAFETY: not NULL, aligned; the rest is the caller's promise.
            device = Some(unsafe { *flash.device }.identity());
        }
        let key = flash.verify.map(|verify| Callback { user: flash.user, verify });
        let state = store.cast::<State>();
        // SAFETY: not NULL, and aligned and large enough for a State, as the assertions above say.
        // The key stays where it is for as long as the store is used.
        unsafe {
            addr_of_mut!((*state).phase).write(BUSY);
            addr_of_mut!((*state).key).write(key);
            let key: &'static mut Option<Callback> = &mut *addr_of_mut!((*state).key);
            let verifier = key.as_mut().map(|key| key as &'static mut dyn Verifier);
            let slot = Slot::new(0, flash.size);
            let opened = Store::open_with(region, slot, memory, verifier, buffer, SoftwareSha256);
            match opened {
                Ok(opened) => {
                    let opened = match device {
                        Some(device) => opened.device(device),
                        None => opened,
                    };
                    addr_of_mut!((*state).store).write(ManuallyDrop::new(opened));
                    addr_of_mut!((*state).phase).write(READY);
                    Ok(())
                }
                Err(error) => {
                    addr_of_mut!((*state).phase).write(0);
                    Err(status_of(&error))
                }
            }
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

fn status<T>(outcome: Result<T, flashdelta_status>) -> flashdelta_status {
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Takes the header of a patch with its signatures: the first bytes of the patch, perhaps with more
/// after them. Any sender may repeat them at any time. Another patch than the one in the store
/// takes its place only if a signature of it is right.
///
/// @param store open
/// @param data the bytes
/// @param len how many
/// @return #FLASHDELTA_OK: it is received from now on, or already; 3xx, 5xx, 6xx, 10xx: the store
///     is what it was; 7xx: it has to be opened again
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_offer(
    store: *mut flashdelta_store,
    data: *const u8,
    len: usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    status(unsafe { bytes(data, len).and_then(|data| with(store, |store| store.offer(data))) })
}

/// Takes a piece of the patch: the chunk table in pieces of the size of a chunk, from number 0 on,
/// and then the chunks, in any order. A chunk is written only if it is the right one.
///
/// @param store open, with the header taken
/// @param piece its number
/// @param data the whole piece
/// @param len its length
/// @return #FLASHDELTA_OK: it is in the flash, now or already; #FLASHDELTA_ERR_WRONG_CHUNK: damaged
///     or forged; #FLASHDELTA_ERR_WRONG_TABLE: all pieces of the table are missing again;
///     #FLASHDELTA_ERR_PIECE_MISSING: the table has to come first; 7xx: the store has to be opened
///     again
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_put(
    store: *mut flashdelta_store,
    piece: u32,
    data: *const u8,
    len: usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    status(unsafe { bytes(data, len).and_then(|data| with(store, |store| store.put(piece, data))) })
}

/// Takes several pieces that came as one, their exclusive or: if all but one of them are there,
/// that one is made, in `data`, checked and stored.
///
/// @param store open, with the header taken
/// @param pieces their numbers, different ones
/// @param count how many
/// @param data the bytes; they are changed
/// @param len the length of the longest piece
/// @return as flashdelta_store_put(); #FLASHDELTA_ERR_PIECE_MISSING if more than one is missing
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_put_combined(
    store: *mut flashdelta_store,
    pieces: *const u32,
    count: usize,
    data: *mut u8,
    len: usize,
) -> flashdelta_status {
    let outcome = (|| {
        check(pieces)?;
        if count > isize::MAX as usize / size_of::<u32>() {
            return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
        }
        // SAFETY: not NULL, aligned, of a possible length; the rest is the caller's promise.
        unsafe {
            let pieces = core::slice::from_raw_parts(pieces, count);
            let data = bytes_mut(data, len)?;
            with(store, |store| store.put_combined(pieces, data))
        }
    })();
    status(outcome)
}

/// Tells what is in the store.
///
/// @param store open
/// @param[out] info where to put it
/// @return #FLASHDELTA_OK, or a misuse
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_read_info(
    store: *mut flashdelta_store,
    info: *mut flashdelta_store_info,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    status(unsafe {
        with(store, |store| {
            Ok(flashdelta_store_info {
                patch: store.patch(),
                pieces: store.pieces(),
                table_pieces: store.table_pieces(),
                complete: store.is_complete().into(),
            })
        })
        .and_then(|found| put(info, found))
    })
}

/// The next pieces that are missing: those from `*start` to before `*end`. Equal: none is.
///
/// @param store open
/// @param from the number of the piece to begin with
/// @param[out] start the first one
/// @param[out] end the one after the last
/// @return #FLASHDELTA_OK, or a misuse
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_missing(
    store: *mut flashdelta_store,
    from: u32,
    start: *mut u32,
    end: *mut u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    status(unsafe {
        with(store, |store| {
            let mut ranges = store.missing().filter(|range| range.end > from);
            Ok(ranges.next().map_or((from, from), |range| (range.start.max(from), range.end)))
        })
        .and_then(|range| put(start, range.0).and_then(|()| put(end, range.1)))
    })
}

/// Writes a status for senders: which pieces are there, in a form that docs/guide.md describes. It
/// takes 24 bytes and one for 8 pieces at most; with less room it says less.
///
/// @param store open
/// @param question the number of the question that it answers; 0: none was asked
/// @param[out] to where to put it
/// @param size how many bytes there are
/// @param[out] len the length of the status; 0 if `size` is below 24
/// @return #FLASHDELTA_OK, or a misuse
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_status(
    store: *mut flashdelta_store,
    question: u16,
    to: *mut u8,
    size: usize,
    len: *mut usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    status(unsafe {
        bytes_mut(to, size)
            .and_then(|to| with(store, |store| Ok(store.status(question, to))))
            .and_then(|found| put(len, found))
    })
}

/// Reads bytes of the patch, without checking them again: its header, for
/// flashdelta_read_patch_info().
///
/// @param store open
/// @param offset where in the patch
/// @param[out] to where to put them
/// @param len how many
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_PIECE_MISSING if some are not there
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_read(
    store: *mut flashdelta_store,
    offset: u32,
    to: *mut u8,
    len: usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    status(unsafe { bytes_mut(to, len).and_then(|to| with(store, |store| store.read(offset, to))) })
}

/// Reads the header of the patch, and checks that it is the one that a signature was right for when
/// the store was opened: for flashdelta_applier_resume(), so that whoever can write what was saved
/// cannot have another image made.
///
/// @param store open
/// @param[out] to where to put it
/// @param size how many bytes there are; #FLASHDELTA_MAX_HEADER_LEN are always enough
/// @param[out] len the bytes that it has, with the number of signatures that follows it
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_PIECE_MISSING if there is none;
///     #FLASHDELTA_ERR_STORE_ROTTED; #FLASHDELTA_ERR_STORE_TOO_SMALL if `size` is; an error of a
///     callback
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_header(
    store: *mut flashdelta_store,
    to: *mut u8,
    size: usize,
    len: *mut usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    status(unsafe {
        bytes_mut(to, size)
            .and_then(|to| with(store, |store| store.header(to)))
            .map(|header| header.header_len as usize + usize::from(header.signatures > 0))
            .and_then(|found| put(len, found))
    })
}

/// What a fed applier has come to.
enum Fed {
    Store(flashdelta_status),
    Applier(flashdelta_status),
}

impl From<StoreError<Fault>> for Fed {
    fn from(error: StoreError<Fault>) -> Self {
        Self::Store(status_of(&error))
    }
}

/// Feeds an applier from the store, from byte `*offset` of the patch on: 0 for an applier that has
/// not been fed. Header, table, and each chunk are checked once more before the first byte of them
/// is fed, header and table once after the store was opened.
///
/// @param store open
/// @param[in,out] offset where in the patch to go on; afterwards, what has been fed
/// @param applier initialised by flashdelta_applier_init()
/// @param[out] progress how far the update has come; may be NULL
/// @return #FLASHDELTA_OK: all was fed, finish the applier; #FLASHDELTA_ERR_PIECE_MISSING: a piece
///     is missing, or is not any more what was written: receive it, and call again;
///     #FLASHDELTA_ERR_STORE_ROTTED: header or table are not any more what was written, clear the
///     store; 7xx: the flash cannot be read. If that may pass, open the store again, and all is as
///     it was; else receive the chunk again, which is missing from now on. Or errors of
///     flashdelta_applier_feed()
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_feed(
    store: *mut flashdelta_store,
    offset: *mut u32,
    applier: *mut flashdelta_applier,
    progress: *mut flashdelta_progress,
) -> flashdelta_status {
    let outcome = (|| {
        check(offset)?;
        // SAFETY: not NULL, aligned; the rest is the caller's promise.
        let mut at = unsafe { *offset };
        let feed = |store: &mut Inner| {
            let fed = store.feed(at, |bytes| {
                // SAFETY: the caller's promise.
                let status = unsafe {
                    flashdelta_applier_feed(applier, bytes.as_ptr(), bytes.len(), progress)
                };
                if status != FLASHDELTA_OK {
                    return Err(Fed::Applier(status));
                }
                at = at.saturating_add(bytes.len() as u32);
                Ok(())
            });
            Ok(fed)
        };
        // SAFETY: the caller's promise.
        let fed = unsafe { with(store, feed)? };
        // SAFETY: checked above.
        unsafe { offset.write(at) };
        fed.map_err(|(Fed::Store(status) | Fed::Applier(status))| status)
    })();
    status(outcome)
}

/// Feeds an applier from the store, as flashdelta_store_feed() does, but without reading and
/// writing more than `budget` bytes of flash: see flashdelta_applier_feed_within(). A call takes 64
/// bytes of the patch at most. A library that is built without its feature `bounded` lacks this
/// function.
///
/// Call it until `progress->done` is set, and finish the applier then. Header and table are checked
/// once after the store was opened, and each chunk once, in as many calls as the budget takes.
///
/// @param store open
/// @param[in,out] offset where in the patch to go on; afterwards, where the next call does
/// @param applier initialised by flashdelta_applier_init()
/// @param budget bytes of flash, 64 at least; a digest of 16 bytes may be read beyond it. 4096 is a
///     good one
/// @param[out] progress how far the update has come: fill it with zeros before the first call; it
///     stays as it is if the call is used up for checking
/// @return #FLASHDELTA_OK: there is more to do, unless `progress->done` is set; errors as
///     flashdelta_store_feed(). #FLASHDELTA_ERR_NULL_POINTER also if `progress` is NULL
///
/// # Safety
///
/// C's usual rules.
#[cfg(feature = "bounded")]
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_feed_within(
    store: *mut flashdelta_store,
    offset: *mut u32,
    applier: *mut flashdelta_applier,
    budget: u32,
    progress: *mut flashdelta_progress,
) -> flashdelta_status {
    let outcome = (|| {
        check(offset)?;
        check(progress)?;
        // SAFETY: not NULL, aligned; the rest is the caller's promise.
        let from = unsafe { *offset };
        let feed = |store: &mut Inner| {
            Ok(store.feed_within(from, budget, |bytes, left| {
                // SAFETY: the caller's promise.
                let status = unsafe {
                    let (data, len) = (bytes.as_ptr(), bytes.len());
                    flashdelta_applier_feed_within(applier, data, len, left, progress)
                };
                match status {
                    // SAFETY: checked above, and filled in by the applier.
                    FLASHDELTA_OK => Ok(unsafe { (*progress).taken }),
                    status => Err(Fed::Applier(status)),
                }
            }))
        };
        // SAFETY: the caller's promise.
        let fed = unsafe { with(store, feed)? };
        match fed {
            // SAFETY: checked above.
            Ok(Some(taken)) => unsafe { offset.write(taken) },
            Ok(None) => {}
            Err(Fed::Store(status) | Fed::Applier(status)) => return Err(status),
        }
        Ok(())
    })();
    status(outcome)
}

/// Forgets the patch in the store.
///
/// @param store open
/// @return #FLASHDELTA_OK, or an error of a callback, after which it has to be opened again
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_clear(store: *mut flashdelta_store) -> flashdelta_status {
    // SAFETY: the caller's promise.
    status(unsafe { with(store, |store| store.clear()) })
}

/// Tells what a patch takes in a store.
///
/// @param data the first bytes of the patch
/// @param len how many
/// @param sector_size the unit in which the region is erased, in bytes
/// @param write_size the unit in which it is written, in bytes
/// @param[out] flash_needed bytes of the region
/// @param[out] memory_needed bytes of RAM to lend flashdelta_store_open()
/// @return #FLASHDELTA_OK; #FLASHDELTA_NEED_MORE if these are too few bytes to tell;
///     #FLASHDELTA_ERR_NO_CHUNKS; errors of the header
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_store_needs(
    data: *const u8,
    len: usize,
    sector_size: u32,
    write_size: u32,
    flash_needed: *mut u32,
    memory_needed: *mut usize,
) -> flashdelta_status {
    let outcome = (|| {
        // SAFETY: the caller's promise.
        let data = unsafe { bytes(data, len)? };
        let header = PatchHeader::parse(data)
            .map_err(|error| flashdelta_error_detail::of_code(error.code(), error.class()))?
            .ok_or(FLASHDELTA_NEED_MORE)?;
        if sector_size == 0 {
            return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
        }
        let flash = Inner::len_needed(&header, sector_size, write_size.max(1))
            .ok_or(FLASHDELTA_ERR_NO_CHUNKS)?;
        // SAFETY: the caller's promise.
        unsafe {
            put(flash_needed, flash)?;
            put(memory_needed, Inner::memory_needed(&header))
        }
    })();
    status(outcome)
}
