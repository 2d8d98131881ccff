//! The flash, as callbacks.

use core::ffi::c_void;

use flashdelta::apply::{NewImage, OldImage};

use crate::flashdelta_status::{self, *};

/// The largest `write_size` of a flashdelta_flash, in bytes.
pub const FLASHDELTA_MAX_WRITE_SIZE: usize = 64;

/// The device's flash: both slots, and how to get at them.
///
/// Fill it with zeros first (memset()): fields that later versions add mean "as before" when they are zero. It is copied by flashdelta_applier_init(); it
/// need not live longer, but what `user` points to must, until the applier is finished or aborted.
///
/// Callbacks return 0 for success; any other number ends the update with an error that carries it. They are called only from inside
/// flashdelta_applier_feed(), by the thread that calls it. Offsets count bytes from the start of the slot; the applier stays inside the slots. They must not call
/// functions of the same applier (those return #FLASHDELTA_ERR_BUSY), and must not leave by longjmp() or a C++ exception.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flashdelta_flash {
    /// Passed to every callback. May be NULL.
    pub user: *mut c_void,
    /// Bytes of the old slot that can be read, 0 to 2^32-1. May be more than the old image: slots are padded.
    pub old_size: u32,
    /// Bytes of the new slot, 0 to 2^32-1; a multiple of `write_size`, and of `sector_size` if that is not 0. It must not overlap the old slot.
    pub new_size: u32,
    /// The unit in which the new slot is written, in bytes: a power of two, 1 to #FLASHDELTA_MAX_WRITE_SIZE; 0 counts as 1. Every call of `write_new` starts at a
    /// multiple of it and has a length that is a multiple of it.
    pub write_size: u32,
    /// The unit in which the new slot is erased, in bytes, a multiple of `write_size`. 0 if there is no `erase_new`.
    pub sector_size: u32,
    /// Reads `len` bytes (1 or more) from byte `offset` of the old slot into `to`.
    pub read_old: Option<unsafe extern "C" fn(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32>,
    /// Reads `len` bytes (1 or more) from byte `offset` of the new slot into `to`: only such as have been written before in this update.
    pub read_new: Option<unsafe extern "C" fn(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32>,
    /// Writes `len` bytes (1 or more) to byte `offset` of the new slot. Every byte is written once, in ascending order without gaps. Behind the end of
    /// the image the last unit is filled up with 0xFF.
    pub write_new: Option<unsafe extern "C" fn(user: *mut c_void, offset: u32, from: *const u8, len: usize) -> i32>,
    /// Erases the sector of `sector_size` bytes at byte `offset` of the new slot. Called just before the first write into that sector, once. NULL if
    /// the slot is erased already, needs no erasing, or if `write_new` sees to it.
    pub erase_new: Option<unsafe extern "C" fn(user: *mut c_void, offset: u32) -> i32>,
    /// Everything is written, it is read back next: write out what is cached. Called once. May be NULL.
    pub flush_new: Option<unsafe extern "C" fn(user: *mut c_void) -> i32>,
    /// What was read back has the right SHA-256: the update may be put to use, for example by telling the bootloader. Called once, last, and only
    /// then. May be NULL.
    pub commit_new: Option<unsafe extern "C" fn(user: *mut c_void) -> i32>,
}

type Read = unsafe extern "C" fn(*mut c_void, u32, *mut u8, usize) -> i32;
type Write = unsafe extern "C" fn(*mut c_void, u32, *const u8, usize) -> i32;
type Erase = unsafe extern "C" fn(*mut c_void, u32) -> i32;
type Done = unsafe extern "C" fn(*mut c_void) -> i32;

/// A callback failed.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) status: flashdelta_status,
    /// What it returned.
    pub(crate) returned: i32,
}

fn checked(returned: i32, status: flashdelta_status) -> Result<(), Fault> {
    match returned {
        0 => Ok(()),
        returned => Err(Fault { status, returned }),
    }
}

pub(crate) struct OldSlot {
    user: *mut c_void,
    size: u32,
    read: Read,
}

pub(crate) struct NewSlot {
    user: *mut c_void,
    size: u32,
    write_size: u32,
    read: Read,
    write: Write,
    eraser: Option<Eraser>,
    flush: Option<Done>,
    commit: Option<Done>,
}

struct Eraser {
    sector_size: u32,
    erase: Erase,
    /// Up to here sectors have been erased.
    erased: u32,
}

impl flashdelta_flash {
    /// Both slots, if everything is there and in range.
    pub(crate) fn slots(&self) -> Result<(OldSlot, NewSlot), flashdelta_status> {
        let (Some(read_old), Some(read), Some(write)) = (self.read_old, self.read_new, self.write_new) else {
            return Err(FLASHDELTA_ERR_NULL_POINTER);
        };
        let write_size = self.write_size.max(1);
        let mut in_range = write_size.is_power_of_two()
            && write_size as usize <= FLASHDELTA_MAX_WRITE_SIZE
            && self.new_size.is_multiple_of(write_size);
        let eraser = match self.erase_new {
            Some(erase) => {
                let sector_size = self.sector_size;
                // Also catches 0: nothing but 0 is a multiple of it, and a slot of 0 bytes needs no sectors.
                in_range &= sector_size > 0 && sector_size.is_multiple_of(write_size);
                in_range &= self.new_size.is_multiple_of(sector_size);
                Some(Eraser { sector_size, erase, erased: 0 })
            }
            // Whoever tells sectors wants them erased.
            None => {
                in_range &= self.sector_size == 0;
                None
            }
        };
        if !in_range {
            return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
        }
        let (user, flush, commit) = (self.user, self.flush_new, self.commit_new);
        let old = OldSlot { user, size: self.old_size, read: read_old };
        Ok((old, NewSlot { user, size: self.new_size, write_size, read, write, eraser, flush, commit }))
    }
}

impl OldImage for OldSlot {
    type Error = Fault;

    fn len(&self) -> u32 {
        self.size
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Fault> {
        // SAFETY: the caller of flashdelta_applier_init() promised that it can be called so; the buffer is as long as it says.
        let returned = unsafe { (self.read)(self.user, offset, buf.as_mut_ptr(), buf.len()) };
        checked(returned, FLASHDELTA_ERR_READ_OLD)
    }
}

impl NewImage for NewSlot {
    type Error = Fault;

    fn capacity(&self) -> u32 {
        self.size
    }

    fn granularity(&self) -> u32 {
        self.write_size
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), Fault> {
        if let Some(eraser) = &mut self.eraser {
            eraser.erase_up_to(self.user, offset.saturating_add(data.len() as u32))?;
        }
        let whole = data.len() & !(self.write_size as usize).wrapping_sub(1);
        let (units, rest) = data.split_at_checked(whole).unwrap_or((data, &[]));
        self.write_units(offset, units)?;
        if rest.is_empty() {
            return Ok(());
        }
        // The last unit of the image: what follows stays as erased flash reads.
        let mut last = [0xFF; FLASHDELTA_MAX_WRITE_SIZE];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.write_units(offset.saturating_add(whole as u32), last.get(..self.write_size as usize).unwrap_or(&[]))
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Fault> {
        // SAFETY: as for the old slot.
        let returned = unsafe { (self.read)(self.user, offset, buf.as_mut_ptr(), buf.len()) };
        checked(returned, FLASHDELTA_ERR_READ_NEW)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        // SAFETY: the caller of flashdelta_applier_init() promised that it can be called so.
        self.flush.map_or(Ok(()), |flush| checked(unsafe { flush(self.user) }, FLASHDELTA_ERR_FLUSH_NEW))
    }

    fn commit(&mut self) -> Result<(), Fault> {
        // SAFETY: the caller of flashdelta_applier_init() promised that it can be called so.
        self.commit.map_or(Ok(()), |commit| checked(unsafe { commit(self.user) }, FLASHDELTA_ERR_COMMIT_NEW))
    }
}

impl NewSlot {
    fn write_units(&mut self, offset: u32, units: &[u8]) -> Result<(), Fault> {
        if units.is_empty() {
            return Ok(());
        }
        // SAFETY: the caller of flashdelta_applier_init() promised that it can be called so; the data is as long as it says.
        let returned = unsafe { (self.write)(self.user, offset, units.as_ptr(), units.len()) };
        checked(returned, FLASHDELTA_ERR_WRITE_NEW)
    }
}

impl Eraser {
    fn erase_up_to(&mut self, user: *mut c_void, end: u32) -> Result<(), Fault> {
        while self.erased < end {
            // SAFETY: the caller of flashdelta_applier_init() promised that it can be called so.
            checked(unsafe { (self.erase)(user, self.erased) }, FLASHDELTA_ERR_ERASE_NEW)?;
            self.erased = self.erased.saturating_add(self.sector_size);
        }
        Ok(())
    }
}
