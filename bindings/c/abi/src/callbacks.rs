//! The flash, as callbacks.

use core::ffi::c_void;

#[cfg(feature = "suspend")]
use flashdelta::apply::Port;
use flashdelta::apply::{NewImage, OldImage};
use flashdelta::nor::{Flash, NorNew, ReadFlash, SlotError};
#[cfg(feature = "holes")]
use flashdelta::update::holes::{ValueRecord, WithValues};

use crate::flashdelta_status::{self, *};
#[cfg(feature = "holes")]
use crate::pointers::bytes;
use crate::pointers::{bytes_mut, check};

/// The largest `write_size` of a flashdelta_flash that needs no `buffer`, in bytes.
pub const FLASHDELTA_MAX_WRITE_SIZE: usize = 64;

/// A flag of flashdelta_flash: input after the end of the patch is ignored. For transports with
/// blocks of a fixed size, which fill up the last one. Without it such input is
/// #FLASHDELTA_ERR_TRAILING_INPUT, and nothing is committed.
pub const FLASHDELTA_IGNORE_TRAILING: u32 = 1;

/// The device's flash: both slots, and how to get at them.
///
/// Fill it with zeros first (memset()): fields that later versions add mean "as before" when they
/// are zero. It is copied by flashdelta_applier_init(); it need not live longer, but what `user`,
/// `buffer` and `counters` point to must, until the applier is finished or aborted.
///
/// Callbacks return 0 for success; any other number ends the update with an error that carries it.
/// They are called only from inside flashdelta_applier_feed() and flashdelta_applier_finish(), by
/// the thread that calls those. Offsets count bytes from the start of the slot; the applier stays
/// inside the slots. Callbacks must not call functions of the same applier (those return
/// #FLASHDELTA_ERR_BUSY), and must not leave by longjmp() or a C++ exception.
///
/// With `erase_new` the new slot is a NOR flash, and an update that is started again goes on where
/// the last one was cut off: before a sector is erased, it is read and compared with what it shall
/// hold. A sector that holds the right bytes is neither erased nor written. Any other is erased,
/// and then every unit of it is written once, in ascending order; no unit is written that was not
/// erased in this same update. A sector that is right at its start only has its start copied to
/// `buffer`, or else to the sector after it, and back: without a buffer a sector is erased twice
/// at most, with a buffer of `sector_size` once. Without a buffer the last sector of the slot is
/// always erased, and the sector after the image may be: let the slot be one sector longer than
/// the largest image.
///
/// Without `erase_new` the new slot is anything that can be written from its start to its end: a
/// file, RAM, a flash that is erased already, a driver that erases as it writes. Then every byte is
/// written once, in ascending order without gaps.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flashdelta_flash {
    /// Passed to every callback. May be NULL.
    pub user: *mut c_void,
    /// Bytes of the old slot that can be read, 0 to 2^32-1. May be more than the old image: slots
    /// are padded.
    pub old_size: u32,
    /// Bytes of the new slot, 0 to 2^32-1; a multiple of `write_size`, and of `sector_size` if that
    /// is not 0. It must not overlap the old slot.
    pub new_size: u32,
    /// The unit in which the new slot is written, in bytes: 1 to #FLASHDELTA_MAX_WRITE_SIZE, or
    /// more if `buffer` has two units or more; 0 counts as 1. Every call of `write_new` starts at a
    /// multiple of it and has a length that is a multiple of it. Whatever it is, every patch can be
    /// applied. A flash that takes as long for a page as for a byte (SPI NOR: 256 bytes) is written
    /// fastest if this is its page.
    pub write_size: u32,
    /// The unit in which the new slot is erased, in bytes, a multiple of `write_size`. 0 if there
    /// is no `erase_new`.
    pub sector_size: u32,
    /// 0, or #FLASHDELTA_IGNORE_TRAILING.
    pub flags: u32,
    /// Reads `len` bytes (1 or more) from byte `offset` of the old slot into `to`.
    pub read_old: Option<
        unsafe extern "C" fn(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32,
    >,
    /// Reads `len` bytes (1 or more) from byte `offset` of the new slot into `to`: what was written
    /// in this update, and, if there is an `erase_new`, what was there before. If it fails for what
    /// was there before (a torn unit in a flash with an error-correcting code), the sector is
    /// erased, and that is all.
    pub read_new: Option<
        unsafe extern "C" fn(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32,
    >,
    /// Writes `len` bytes (1 or more) to byte `offset` of the new slot, all in one sector. Past
    /// the end of the image the last unit is filled up with 0xFF.
    pub write_new: Option<
        unsafe extern "C" fn(user: *mut c_void, offset: u32, from: *const u8, len: usize) -> i32,
    >,
    /// Erases the sector of `sector_size` bytes at byte `offset` of the new slot: bytes of 0xFF
    /// afterwards. Called just before the first write into that sector. NULL if the slot is erased
    /// already, needs no erasing, or if `write_new` sees to it.
    pub erase_new: Option<unsafe extern "C" fn(user: *mut c_void, offset: u32) -> i32>,
    /// Everything is written, it is read back next: write out what is cached. Called once. May be
    /// NULL.
    pub flush_new: Option<unsafe extern "C" fn(user: *mut c_void) -> i32>,
    /// What was read back has the right SHA-256, and the patch ended where it should: the update
    /// may be put to use, for example by telling the bootloader. Called once, last, by
    /// flashdelta_applier_finish(), and only then. May be NULL.
    pub commit_new: Option<unsafe extern "C" fn(user: *mut c_void) -> i32>,
    /// RAM that keeps the start of a sector while that is erased; see above. NULL for none. It must
    /// not overlap the applier or the workspace. If your `write_new` or `read_new` want aligned
    /// memory, so should this be.
    pub buffer: *mut u8,
    /// Its size in bytes. `sector_size` is best (and one `write_size` more where that is above
    /// #FLASHDELTA_MAX_WRITE_SIZE). 0 if it is NULL.
    pub buffer_len: usize,
    /// Where to count what is done to the new slot; NULL: nowhere. Set to zeros by
    /// flashdelta_applier_init(), and up to date whenever flashdelta_applier_feed() returns, also
    /// after errors. It is not looked at.
    pub counters: *mut flashdelta_flash_counters,
    /// Values for holes of the new image, ranges that each device has for itself, as a record:
    /// "FDV", a byte 0, and for each value a byte with the length of the name, the name, two bytes
    /// with the length of the value (the lower byte first), the value. A value may be shorter than
    /// its hole: zeros follow. A hole without a value here keeps that of the old image, if the
    /// patch says so. The record must stay as it is until the update ends, and after
    /// flashdelta_applier_resume() be the same. NULL: none. A library that is built without its
    /// feature `holes` does not look at it, and refuses patches with holes
    /// (#FLASHDELTA_ERR_UNSUPPORTED_FEATURE).
    pub values: *const u8,
    /// Its length in bytes. 0 if it is NULL.
    pub values_len: usize,
}

/// What an update did to the new slot.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct flashdelta_flash_counters {
    /// Calls of `erase_new`.
    pub erases: u32,
    /// Sectors that held the right bytes already, and were neither erased nor written.
    pub kept: u32,
    /// Calls of `write_new`.
    pub writes: u32,
    /// Bytes written, what fills up the last unit included.
    pub bytes_written: u32,
}

type Read = unsafe extern "C" fn(*mut c_void, u32, *mut u8, usize) -> i32;
type Write = unsafe extern "C" fn(*mut c_void, u32, *const u8, usize) -> i32;
type Erase = unsafe extern "C" fn(*mut c_void, u32) -> i32;
type Done = unsafe extern "C" fn(*mut c_void) -> i32;

/// A callback failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) status: flashdelta_status,
    /// What it returned.
    pub(crate) returned: i32,
    /// What it was given.
    pub(crate) offset: u32,
}

pub(crate) fn checked(returned: i32, status: flashdelta_status, offset: u32) -> Result<(), Fault> {
    match returned {
        0 => Ok(()),
        returned => Err(Fault { status, returned, offset }),
    }
}

impl From<SlotError<Self>> for Fault {
    fn from(error: SlotError<Self>) -> Self {
        match error {
            SlotError::Flash(fault) => fault,
            // The applier goes through its slot from start to end, and the slot was checked.
            _ => Self { status: FLASHDELTA_ERR_INTERNAL, returned: 0, offset: 0 },
        }
    }
}

/// The old slot, and what it is said to hold beside.
#[cfg(feature = "holes")]
pub(crate) type Old = WithValues<OldSlot, ValueRecord<'static>>;
#[cfg(not(feature = "holes"))]
pub(crate) type Old = OldSlot;

pub(crate) struct OldSlot {
    user: *mut c_void,
    size: u32,
    read: Read,
}

pub(crate) struct NewSlot {
    slot: NorNew<Region, &'static mut [u8]>,
    flush: Option<Done>,
    commit: Option<Done>,
    counters: *mut flashdelta_flash_counters,
}

/// A region of flash, with callbacks that are there: the new slot, or that of a store.
pub(crate) struct Region {
    pub(crate) user: *mut c_void,
    pub(crate) size: u32,
    pub(crate) write_size: u32,
    /// All of the region if nothing is erased.
    pub(crate) sector_size: u32,
    pub(crate) read: Read,
    pub(crate) write: Write,
    pub(crate) erase: Option<Erase>,
}

/// How C gets at a region that is read, written and erased; any of it may be missing.
#[cfg(any(feature = "receive", feature = "suspend", feature = "sets"))]
pub(crate) type Access = (Option<Read>, Option<Write>, Option<Erase>);

#[cfg(any(feature = "receive", feature = "suspend", feature = "sets"))]
impl Region {
    /// A region that is erased, with the sizes of C: `size`, `write_size` (0 counts as 1) and
    /// `sector_size`.
    pub(crate) fn erased(
        user: *mut c_void,
        [size, write_size, sector_size]: [u32; 3],
        (read, write, erase): Access,
    ) -> Result<Self, flashdelta_status> {
        let (Some(read), Some(write), Some(erase)) = (read, write, erase) else {
            return Err(FLASHDELTA_ERR_NULL_POINTER);
        };
        let (write_size, erase) = (write_size.max(1), Some(erase));
        Ok(Self { user, size, write_size, sector_size, read, write, erase })
    }
}

impl flashdelta_flash {
    /// Nothing is there yet.
    #[cfg(feature = "sets")]
    pub(crate) const fn nothing(user: *mut c_void) -> Self {
        use core::ptr::{null, null_mut};
        Self {
            user,
            old_size: 0,
            new_size: 0,
            write_size: 0,
            sector_size: 0,
            flags: 0,
            read_old: None,
            read_new: None,
            write_new: None,
            erase_new: None,
            flush_new: None,
            commit_new: None,
            buffer: null_mut(),
            buffer_len: 0,
            counters: null_mut(),
            values: null(),
            values_len: 0,
        }
    }

    /// Both slots, if everything is there and in range.
    ///
    /// # Safety
    ///
    /// Record, buffer and counters are what their types say, and are lent for as long as the slots
    /// are used.
    pub(crate) unsafe fn slots(&self) -> Result<(Old, NewSlot), flashdelta_status> {
        // SAFETY: the caller's promise.
        unsafe { Ok((self.old_slot()?, self.new_slot()?)) }
    }

    /// The old slot.
    ///
    /// # Safety
    ///
    /// As for [`slots`](Self::slots).
    pub(crate) unsafe fn old_slot(&self) -> Result<Old, flashdelta_status> {
        let read = self.read_old.ok_or(FLASHDELTA_ERR_NULL_POINTER)?;
        let old = OldSlot { user: self.user, size: self.old_size, read };
        #[cfg(feature = "holes")]
        // SAFETY: the caller's promise.
        let old = WithValues::new(old, unsafe { self.value_record()? });
        Ok(old)
    }

    /// The new slot.
    ///
    /// # Safety
    ///
    /// As for [`slots`](Self::slots).
    pub(crate) unsafe fn new_slot(&self) -> Result<NewSlot, flashdelta_status> {
        let (Some(read), Some(write)) = (self.read_new, self.write_new) else {
            return Err(FLASHDELTA_ERR_NULL_POINTER);
        };
        if !self.counters.is_null() {
            check(self.counters)?;
        }
        // SAFETY: the caller's promise.
        let buffer: &'static mut [u8] = unsafe { bytes_mut(self.buffer, self.buffer_len)? };
        let write_size = self.write_size.max(1);
        // Where sectors are stated, they are erased.
        if self.erase_new.is_some() != (self.sector_size != 0)
            || !self.new_size.is_multiple_of(write_size)
            || self.flags & !FLASHDELTA_IGNORE_TRAILING != 0
        {
            return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
        }
        let sector_size =
            if self.erase_new.is_some() { self.sector_size } else { self.new_size.max(write_size) };
        let (user, size, erase) = (self.user, self.new_size, self.erase_new);
        let flash = Region { user, size, write_size, sector_size, read, write, erase };
        let slot = NorNew::with_buffer(flash, 0, size, buffer)
            .map_err(|_| FLASHDELTA_ERR_INVALID_ARGUMENT)?;
        // What need not be erased need not be compared; and it may be that it cannot be read.
        let slot = if erase.is_some() { slot } else { slot.no_erase() };
        let (flush, commit, counters) = (self.flush_new, self.commit_new, self.counters);
        let new = NewSlot { slot, flush, commit, counters };
        new.count();
        Ok(new)
    }

    /// The values for holes.
    ///
    /// # Safety
    ///
    /// The record is as long as it says, and is lent for as long as the slots are used.
    #[cfg(feature = "holes")]
    unsafe fn value_record(&self) -> Result<ValueRecord<'static>, flashdelta_status> {
        if self.values.is_null() && self.values_len == 0 {
            return Ok(ValueRecord::EMPTY);
        }
        // SAFETY: the caller's promise.
        let record: &'static [u8] = unsafe { bytes(self.values, self.values_len)? };
        ValueRecord::new(record).map_err(|_| FLASHDELTA_ERR_INVALID_ARGUMENT)
    }
}

impl OldImage for OldSlot {
    type Error = Fault;

    fn len(&self) -> u32 {
        self.size
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Fault> {
        // SAFETY: the caller of flashdelta_applier_init() promised that it can be called so; the
        // buffer is as long as it says.
        let returned = unsafe { (self.read)(self.user, offset, buf.as_mut_ptr(), buf.len()) };
        checked(returned, FLASHDELTA_ERR_READ_OLD, offset)
    }
}

impl NewImage for NewSlot {
    type Error = Fault;

    fn capacity(&self) -> u32 {
        self.slot.capacity()
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), Fault> {
        let written = self.slot.write(offset, data);
        self.count();
        Ok(written?)
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Fault> {
        Ok(self.slot.read(offset, buf)?)
    }

    #[cfg(feature = "suspend")]
    fn suspend(&mut self, port: &mut Port<'_>) -> Result<(), Fault> {
        let suspended = self.slot.suspend(port);
        self.count();
        Ok(suspended?)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let flushed = self.slot.flush();
        self.count();
        flushed?;
        self.tell(self.flush, FLASHDELTA_ERR_FLUSH_NEW)
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.tell(self.commit, FLASHDELTA_ERR_COMMIT_NEW)
    }
}

impl NewSlot {
    /// Tells what was done so far.
    fn count(&self) {
        if self.counters.is_null() {
            return;
        }
        let stats = self.slot.stats();
        let erases = if self.slot.flash().erase.is_some() { stats.erases } else { 0 };
        let (kept, writes, bytes_written) = (stats.kept, stats.writes, stats.bytes_written);
        // SAFETY: not NULL, and aligned, as was checked; the caller of flashdelta_applier_init()
        // lends it.
        unsafe {
            self.counters.write(flashdelta_flash_counters { erases, kept, writes, bytes_written })
        };
    }

    fn tell(&self, done: Option<Done>, status: flashdelta_status) -> Result<(), Fault> {
        let Some(done) = done else { return Ok(()) };
        // SAFETY: the caller of flashdelta_applier_init() promised that it can be called so.
        checked(unsafe { done(self.slot.flash().user) }, status, 0)
    }
}

impl ReadFlash for Region {
    type Error = Fault;

    fn size(&self) -> usize {
        self.size as usize
    }

    fn read_unit(&self) -> usize {
        1
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Fault> {
        // SAFETY: the caller of flashdelta_applier_init() or flashdelta_store_open() promised that
        // it can be called so; the buffer is as long as it says.
        let returned = unsafe { (self.read)(self.user, offset, bytes.as_mut_ptr(), bytes.len()) };
        checked(returned, FLASHDELTA_ERR_READ_NEW, offset)
    }
}

impl Flash for Region {
    fn write_unit(&self) -> usize {
        self.write_size as usize
    }

    fn sector(&self) -> usize {
        self.sector_size as usize
    }

    fn erase_at(&mut self, offset: u32) -> Result<(), Fault> {
        let Some(erase) = self.erase else { return Ok(()) };
        // SAFETY: as above.
        checked(unsafe { erase(self.user, offset) }, FLASHDELTA_ERR_ERASE_NEW, offset)
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Fault> {
        // SAFETY: as above; the data is as long as it says.
        let returned = unsafe { (self.write)(self.user, offset, bytes.as_ptr(), bytes.len()) };
        checked(returned, FLASHDELTA_ERR_WRITE_NEW, offset)
    }
}
