//! Pointers from C, checked as far as they can be.

use crate::flashdelta_status::{self, *};

/// Bytes that C lends for reading. NULL is an empty slice if the length is 0.
///
/// # Errors
///
/// NULL with a length above 0, or a length beyond the address space.
///
/// # Safety
///
/// If `data` is not NULL, `len` bytes from it on are readable and do not change while the slice
/// lives.
pub unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], flashdelta_status> {
    check_range(data, len)?;
    if len == 0 {
        return Ok(&[]);
    }
    // SAFETY: not NULL, bytes have no alignment, the length is possible; the rest is the caller's
    // promise.
    Ok(unsafe { core::slice::from_raw_parts(data, len) })
}

/// Bytes that C lends for writing, as [`bytes`].
///
/// # Safety
///
/// If `data` is not NULL, `len` bytes from it on are writable, and nobody else uses them while the
/// slice lives.
pub(crate) unsafe fn bytes_mut<'a>(
    data: *mut u8,
    len: usize,
) -> Result<&'a mut [u8], flashdelta_status> {
    check_range(data, len)?;
    if len == 0 {
        return Ok(&mut []);
    }
    // SAFETY: not NULL, bytes have no alignment, the length is possible; the rest is the caller's
    // promise. What is in memory that comes from C is unknown, but something is there.
    Ok(unsafe { core::slice::from_raw_parts_mut(data, len) })
}

fn check_range(data: *const u8, len: usize) -> Result<(), flashdelta_status> {
    if data.is_null() && len > 0 {
        return Err(FLASHDELTA_ERR_NULL_POINTER);
    }
    // No object is larger, says Rust (and practically C): nor does any wrap around the end of the
    // address space.
    if len > isize::MAX as usize || (data as usize).checked_add(len).is_none() {
        return Err(FLASHDELTA_ERR_INVALID_ARGUMENT);
    }
    Ok(())
}

/// Whether something can be written there, or read.
///
/// # Errors
///
/// NULL, or misaligned.
pub(crate) fn check<T>(pointer: *const T) -> Result<(), flashdelta_status> {
    if pointer.is_null() {
        Err(FLASHDELTA_ERR_NULL_POINTER)
    } else if !pointer.is_aligned() {
        Err(FLASHDELTA_ERR_INVALID_ARGUMENT)
    } else {
        Ok(())
    }
}

/// Writes a result to where C wants it.
///
/// # Errors
///
/// NULL, or misaligned.
///
/// # Safety
///
/// If `out` is neither, a `T` can be written there.
pub unsafe fn put<T>(out: *mut T, value: T) -> Result<(), flashdelta_status> {
    check(out)?;
    // SAFETY: not NULL, aligned; the rest is the caller's promise. What is there is not
    // dropped: it is C's.
    unsafe { out.write(value) };
    Ok(())
}

/// A block of memory that is in use.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(crate) fn of<T>(start: *const T, len: usize) -> Self {
        Self { start: start as usize, end: (start as usize).saturating_add(len) }
    }

    /// Whether two blocks share a byte.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}
