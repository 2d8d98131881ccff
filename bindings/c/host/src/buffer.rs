//! Bytes that the library returns.

/// Bytes that the library has allocated. Fill it with zeros before use, and give it back with
/// flashdelta_buffer_free().
#[repr(C)]
pub struct flashdelta_buffer {
    /// The bytes; NULL if there are none.
    pub data: *mut u8,
    /// How many.
    pub len: usize,
}

impl From<Vec<u8>> for flashdelta_buffer {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Self { data: core::ptr::null_mut(), len: 0 };
        }
        let bytes = Box::into_raw(bytes.into_boxed_slice());
        Self { data: bytes.cast(), len: bytes.len() }
    }
}

/// Frees what the library has allocated, and sets `data` to NULL and `len` to 0.
///
/// @param buffer filled by this library, or with zeros; NULL is ignored. Not one that was copied
///     and freed before
///
/// May be called from any thread.
///
/// # Safety
///
/// C's usual rules; the buffer is as this library has left it.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_buffer_free(buffer: *mut flashdelta_buffer) {
    if buffer.is_null() || !buffer.is_aligned() {
        return;
    }
    // SAFETY: not NULL, aligned; the rest is the caller's promise.
    let old = unsafe { buffer.replace(flashdelta_buffer { data: core::ptr::null_mut(), len: 0 }) };
    if !old.data.is_null() {
        // SAFETY: it came from `into_raw` of a box of this length, as the caller promises.
        drop(unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(old.data, old.len)) });
    }
}
