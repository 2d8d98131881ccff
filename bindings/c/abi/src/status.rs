//! Error numbers.

use core::ffi::{c_char, CStr};

/// What a function returns: 0 for success, a positive number otherwise.
///
/// The numbers are stable: one that has been released keeps its meaning, and is never used for
/// another. `status / 100` (#FLASHDELTA_CLASS) is the class, that is, whose fault it is and so what
/// to do about it:
///
/// | class | meaning | what to do |
/// |--:|---|---|
/// | 0 | no error | |
/// | 1 | a fault in flashdelta itself | report it |
/// | 2 | the program called a function wrongly | correct the program |
/// | 3 | the patch is damaged, incomplete, or no patch | get it again |
/// | 4 | the old image is not the one that the patch was made from | get another patch |
/// | 5 | the patch is for other devices, or goes back below the security counter | get another |
/// | 6 | the device or this build lacks memory or features | make it for another profile |
/// | 7 | a callback returned non-zero, or a file could not be used | see to the flash or the disk |
/// | 8 | a callback asked to give up | |
/// | 9 | a firmware file is damaged or dubious (hosts only) | see the text of the error |
/// | 10 | the patch is not authentic: nobody who is trusted vouches for it | ask its maker |
///
/// Later versions may add numbers: treat an unknown one by its class.
///
/// In C the type is an int32_t, in C++ (and C23) an enumeration that has an int32_t in it: code for
/// both writes #FLASHDELTA_OK, not 0.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
// Every name is one of C and says whose it is.
#[allow(clippy::enum_variant_names)]
pub enum flashdelta_status {
    /// Success.
    FLASHDELTA_OK = 0,
    /// No error: there are too few bytes to tell. Call again with more of them.
    FLASHDELTA_NEED_MORE = 1,

    /// A fault in flashdelta itself that has no number of its own.
    FLASHDELTA_ERR_INTERNAL = 100,
    /// flashdelta itself panicked (hosts only). Nothing has been written under the final name.
    FLASHDELTA_ERR_PANIC = 101,

    /// A pointer is NULL that must not be. Nothing has changed.
    FLASHDELTA_ERR_NULL_POINTER = 201,
    /// An argument is out of its range, misaligned, or overlaps another. Nothing has changed.
    FLASHDELTA_ERR_INVALID_ARGUMENT = 202,
    /// The applier was not initialised, or has been finished or aborted. Nothing has changed.
    FLASHDELTA_ERR_NOT_INITIALISED = 203,
    /// The applier is at work: a callback called back. Nothing has changed.
    FLASHDELTA_ERR_BUSY = 204,
    /// The applier has failed before; the first error is the one that counts. Start again with
    /// flashdelta_applier_init().
    FLASHDELTA_ERR_FAILED_BEFORE = 205,
    /// Another patch is in the store, and no signature could say which of them counts.
    FLASHDELTA_ERR_STORE_OCCUPIED = 206,
    /// There is no patch in the store.
    FLASHDELTA_ERR_STORE_EMPTY = 207,
    /// There is no suspended update to go on with.
    FLASHDELTA_ERR_NO_SUSPENSION = 208,
    /// The functions of a set were called in a wrong order: a component is being written that has
    /// to be finished or aborted first, or none is, or the set has not been checked yet. Nothing
    /// has changed.
    FLASHDELTA_ERR_WRONG_ORDER = 209,
    /// A component of the set is for some hardware revisions only, and the device does not say
    /// which it is. Nothing has been written.
    FLASHDELTA_ERR_HARDWARE_UNKNOWN = 210,
    /// An update by a set was committed, and is not complete: call flashdelta_set_recover() first.
    FLASHDELTA_ERR_NOT_RECOVERED = 211,

    /// The patch cannot be used, for a reason that has no number of its own.
    FLASHDELTA_ERR_BAD_PATCH = 300,
    /// This is no flashdelta patch: it does not start with "FDP". Detail: offset of the first wrong
    /// byte, and the byte as `found`.
    FLASHDELTA_ERR_NOT_A_PATCH = 301,
    /// The checksum of the header is wrong: it was damaged on its way. Detail: `expected` and
    /// `found` checksum.
    FLASHDELTA_ERR_HEADER_CHECKSUM = 302,
    /// The header contradicts itself. Detail: depends on the field.
    FLASHDELTA_ERR_HEADER_DAMAGED = 303,
    /// The body is damaged. Detail: `offset` is the number of bytes of the new image that had been
    /// made. If it is a copy that reads outside the images, `found` is the byte at which it reads;
    /// it is 0 otherwise.
    FLASHDELTA_ERR_DAMAGED = 304,
    /// The patch is not complete. Detail: `found` bytes were fed, `expected` are needed (0: not
    /// known yet).
    FLASHDELTA_ERR_TRUNCATED = 305,
    /// There is input after the end of the patch, and #FLASHDELTA_IGNORE_TRAILING is not set.
    /// Nothing is committed. Detail: `expected` is the length of the patch.
    FLASHDELTA_ERR_TRAILING_INPUT = 306,
    /// The new image reads back wrong. It must not be used. Detail: both digests, 32 bytes.
    FLASHDELTA_ERR_NEW_MISMATCH = 307,
    /// What the patch says about the new file cannot be used (hosts only). The image alone can
    /// still be made: #FLASHDELTA_FORMAT_RAW of flashdelta_options_set_output().
    FLASHDELTA_ERR_HOST_SECTION = 308,
    /// A piece of the patch is missing where it is needed: ask for it.
    FLASHDELTA_ERR_PIECE_MISSING = 309,
    /// What came is no piece of the patch: there is none of this number, or it has another length.
    FLASHDELTA_ERR_NO_PIECE = 310,
    /// What flashdelta_applier_suspend() has saved is damaged.
    FLASHDELTA_ERR_SUSPENSION_DAMAGED = 311,
    /// What flashdelta_applier_suspend() has saved is of another patch.
    FLASHDELTA_ERR_SUSPENSION_OTHER_PATCH = 312,
    /// This is not a component set. Detail: the byte at `offset` is `found`.
    FLASHDELTA_ERR_NOT_A_SET = 313,
    /// A payload of a set makes another image than the index says. Nothing of the set is active.
    FLASHDELTA_ERR_WRONG_PAYLOAD = 314,

    /// The old image does not fit the patch, for a reason that has no number of its own.
    FLASHDELTA_ERR_WRONG_BASE = 400,
    /// The old image is not the one that the patch was made from. Nothing has been written. Detail:
    /// the first 12 bytes of both digests.
    FLASHDELTA_ERR_OLD_MISMATCH = 401,
    /// The old slot is shorter than the image that the patch was made from. Nothing has been
    /// written. Detail: `expected` and `found` bytes.
    FLASHDELTA_ERR_OLD_TOO_SHORT = 402,
    /// The patch builds on how the old file was written, but this one is a plain binary (hosts
    /// only): give the file that the patch was made from, or ask for
    /// #FLASHDELTA_FORMAT_RAW.
    FLASHDELTA_ERR_NEEDS_OLD_TEXT = 403,
    /// The new image is right, but the file around it is not, as the old file was written otherwise
    /// (hosts only).
    FLASHDELTA_ERR_NEW_FILE_MISMATCH = 404,
    /// The new slot is not as it was when the update was suspended.
    FLASHDELTA_ERR_SUSPENSION_OTHER_IMAGE = 405,
    /// A component is neither what the set updates nor what it leads to. Nothing has been written.
    /// Detail: the first 12 bytes of both digests; the found one is zeros if what is there is too
    /// short.
    FLASHDELTA_ERR_WRONG_COMPONENT = 406,
    /// Something is in a component where the set expects nothing. Nothing has been written.
    FLASHDELTA_ERR_NOT_ABSENT = 407,
    /// The set requires a component that is not there, and does not bring it. Nothing has been
    /// written.
    FLASHDELTA_ERR_COMPONENT_MISSING = 408,

    /// The patch is for other devices, for a reason that has no number of its own.
    FLASHDELTA_ERR_WRONG_DEVICE = 500,
    /// The device says what it is, the patch does not say for whom it is. Nothing has been written.
    FLASHDELTA_ERR_NO_IDENTITY = 501,
    /// The patch is for another product. Nothing has been written. Detail: `expected` is the
    /// patch's product, `found` the device's.
    FLASHDELTA_ERR_WRONG_PRODUCT = 502,
    /// The patch is for other hardware. Nothing has been written. Detail: `expected` is the first
    /// and `offset` the last revision that the patch is for, `found` is the device's.
    FLASHDELTA_ERR_WRONG_HARDWARE = 503,
    /// The new image is older than the device permits. Nothing has been written. Detail: `expected`
    /// is the device's security counter, `found` the patch's.
    FLASHDELTA_ERR_ROLLBACK = 504,
    /// The device has no such component as the set updates. Nothing has been written.
    FLASHDELTA_ERR_UNKNOWN_COMPONENT = 505,

    /// Something does not fit, for a reason that has no number of its own.
    FLASHDELTA_ERR_DOES_NOT_FIT = 600,
    /// The workspace is too small. Nothing has been written. Detail: `expected` bytes are needed,
    /// `found` were lent.
    FLASHDELTA_ERR_WORKSPACE_TOO_SMALL = 601,
    /// The new image does not fit the new slot. Nothing has been written. Detail: `expected` bytes
    /// are needed, there is room for `found`.
    FLASHDELTA_ERR_NEW_TOO_LONG = 602,
    /// The flash is written in larger units than the patch was made for. Nothing has been written.
    /// Detail: `expected` is the patch's unit, `found` the device's. (Not from this version, which
    /// puts units together.)
    FLASHDELTA_ERR_WRITE_SIZE = 603,
    /// This library was built without the codec of the patch. Detail: `expected` is the codec, one
    /// of flashdelta_codec.
    FLASHDELTA_ERR_CODEC_NOT_BUILT = 604,
    /// This library was built without the instruction set of the patch. Detail: `expected` is the
    /// instruction set, one of flashdelta_isa.
    FLASHDELTA_ERR_ISA_NOT_BUILT = 605,
    /// The patch has a version of the format that this library does not know. Detail: `found` is
    /// the version.
    FLASHDELTA_ERR_UNSUPPORTED_VERSION = 606,
    /// The patch requires a feature that this library does not have. Detail: `found` is the number
    /// of the feature bit.
    FLASHDELTA_ERR_UNSUPPORTED_FEATURE = 607,
    /// The patch has a codec that this library does not know. Detail: `found` is its number.
    FLASHDELTA_ERR_UNKNOWN_CODEC = 608,
    /// The patch has an instruction set that this library does not know. Detail: `found` is its
    /// number.
    FLASHDELTA_ERR_UNKNOWN_ISA = 609,
    /// No patch with these options fits the RAM of the device (maker). The text of the error tells
    /// how much would do.
    FLASHDELTA_ERR_PROFILE_TOO_SMALL = 610,
    /// The images are too large (maker).
    FLASHDELTA_ERR_IMAGES_TOO_LARGE = 611,
    /// The device profile rules out the codec or the instruction set that was asked for (maker).
    FLASHDELTA_ERR_NOT_IN_PROFILE = 612,
    /// What was asked for cannot be written in that format (hosts only).
    FLASHDELTA_ERR_CANNOT_CONVERT = 613,
    /// The buffer for checking chunks is too small. Nothing has been written. Detail: `expected`
    /// bytes are needed, `found` were lent.
    FLASHDELTA_ERR_CHUNK_BUFFER_TOO_SMALL = 614,
    /// The patch has no chunks, or chunks that the flash cannot be written in: it cannot be
    /// received in any order.
    FLASHDELTA_ERR_NO_CHUNKS = 615,
    /// The store, or the memory lent to it, is too small for the patch; or the region is for what
    /// is to be saved in it.
    FLASHDELTA_ERR_STORE_TOO_SMALL = 616,
    /// Another version of this library has saved the state of the update.
    FLASHDELTA_ERR_SUSPENSION_OTHER_VERSION = 617,
    /// The memory lent for the index of a set is too small. Nothing has been written. Detail:
    /// `expected` bytes are needed, `found` were lent.
    FLASHDELTA_ERR_INDEX_BUFFER_TOO_SMALL = 618,

    /// Reading or writing failed, for a reason that has no number of its own.
    FLASHDELTA_ERR_IO = 700,
    /// `read_old` failed. Detail: `offset`, and what the callback returned.
    FLASHDELTA_ERR_READ_OLD = 701,
    /// `read_new` failed. Detail: `offset`, and what the callback returned.
    FLASHDELTA_ERR_READ_NEW = 702,
    /// `write_new` failed. Detail: `offset`, and what the callback returned.
    FLASHDELTA_ERR_WRITE_NEW = 703,
    /// `erase_new` failed. Detail: `offset`, and what the callback returned.
    FLASHDELTA_ERR_ERASE_NEW = 704,
    /// `flush_new` failed. Detail: what the callback returned.
    FLASHDELTA_ERR_FLUSH_NEW = 705,
    /// `commit_new` failed: the image is complete and right, but was not handed over. Detail: what
    /// the callback returned.
    FLASHDELTA_ERR_COMMIT_NEW = 706,
    /// A file could not be read or written (hosts only). The text of the error names it.
    FLASHDELTA_ERR_FILE = 707,
    /// Header or chunk table in the store are not any more what was written: clear it.
    FLASHDELTA_ERR_STORE_ROTTED = 708,
    /// The state of the update could not be saved.
    FLASHDELTA_ERR_WRITE_SUSPENSION = 709,
    /// The saved state of the update could not be read.
    FLASHDELTA_ERR_READ_SUSPENSION = 710,
    /// A callback of flashdelta_components failed. Detail: what it returned.
    FLASHDELTA_ERR_COMPONENT = 711,
    /// The record of an update by a set could not be read or written. Detail: `offset`, and what
    /// the callback returned.
    FLASHDELTA_ERR_SET_RECORD = 712,

    /// A progress callback asked to give up (hosts only).
    FLASHDELTA_ERR_CANCELLED = 801,

    /// A firmware file or an archive is damaged or dubious (hosts only). The text of the error says
    /// where. flashdelta_options_set_verbatim() takes it as it is.
    FLASHDELTA_ERR_FIRMWARE_FILE = 901,

    /// The patch is not authentic, for a reason that has no number of its own.
    FLASHDELTA_ERR_NOT_AUTHENTIC = 1000,
    /// The patch has no signature, and one is required. Nothing has been written.
    FLASHDELTA_ERR_UNSIGNED = 1001,
    /// The patch is signed, but with no key that is trusted. Nothing has been written. Detail: the
    /// id of its key is the first 8 bytes of the found digest.
    FLASHDELTA_ERR_UNKNOWN_KEY = 1002,
    /// A signature by a trusted key is not that of this patch. Nothing has been written. Detail:
    /// the id of the key is the first 8 bytes of the found digest.
    FLASHDELTA_ERR_WRONG_SIGNATURE = 1003,
    /// The chunk table is not the one that the header vouches for.
    FLASHDELTA_ERR_WRONG_TABLE = 1004,
    /// A chunk is not the one that the chunk table vouches for. Detail: its number is `found`, its
    /// first byte in the patch `offset`, its end `expected`.
    FLASHDELTA_ERR_WRONG_CHUNK = 1005,
    /// The header of a payload is not the one that the index of the set vouches for.
    FLASHDELTA_ERR_WRONG_HEADER = 1006,
}

use flashdelta_status::*;

/// What the numbers mean, in a few words.
const TEXTS: [(flashdelta_status, &CStr); 87] = [
    (FLASHDELTA_OK, c"success"),
    (FLASHDELTA_NEED_MORE, c"more bytes of the patch are needed"),
    (FLASHDELTA_ERR_INTERNAL, c"a fault in flashdelta: please report it"),
    (FLASHDELTA_ERR_PANIC, c"flashdelta panicked: please report it"),
    (FLASHDELTA_ERR_NULL_POINTER, c"a pointer is NULL that must not be"),
    (
        FLASHDELTA_ERR_INVALID_ARGUMENT,
        c"an argument is out of range, misaligned, or overlaps another",
    ),
    (
        FLASHDELTA_ERR_NOT_INITIALISED,
        c"the applier was not initialised, or has been finished or aborted",
    ),
    (FLASHDELTA_ERR_BUSY, c"the applier is at work: a callback called back"),
    (FLASHDELTA_ERR_FAILED_BEFORE, c"the applier had failed before: initialise it again"),
    (FLASHDELTA_ERR_BAD_PATCH, c"the patch cannot be used"),
    (FLASHDELTA_ERR_NOT_A_PATCH, c"this is not a flashdelta patch"),
    (FLASHDELTA_ERR_HEADER_CHECKSUM, c"the patch header is damaged: transfer the patch again"),
    (
        FLASHDELTA_ERR_HEADER_DAMAGED,
        c"the patch header contradicts itself: make or transfer the patch again",
    ),
    (FLASHDELTA_ERR_DAMAGED, c"the patch is damaged: transfer it again"),
    (FLASHDELTA_ERR_TRUNCATED, c"the patch is not complete"),
    (FLASHDELTA_ERR_TRAILING_INPUT, c"there is input after the end of the patch"),
    (FLASHDELTA_ERR_NEW_MISMATCH, c"the new image reads back wrong and must not be used"),
    (FLASHDELTA_ERR_HOST_SECTION, c"what the patch says about the new file cannot be used"),
    (FLASHDELTA_ERR_WRONG_BASE, c"the old image does not match the patch"),
    (FLASHDELTA_ERR_OLD_MISMATCH, c"the old image is not the one that the patch was made from"),
    (
        FLASHDELTA_ERR_OLD_TOO_SHORT,
        c"the old slot is shorter than the image that the patch was made from",
    ),
    (
        FLASHDELTA_ERR_NEEDS_OLD_TEXT,
        c"the patch builds on the text of the old file, and this is a plain binary",
    ),
    (FLASHDELTA_ERR_NEW_FILE_MISMATCH, c"the new image is right, but not the file around it"),
    (FLASHDELTA_ERR_WRONG_DEVICE, c"the patch is for other devices"),
    (
        FLASHDELTA_ERR_NO_IDENTITY,
        c"the patch does not say which devices it is for, and this device asks for it",
    ),
    (FLASHDELTA_ERR_WRONG_PRODUCT, c"the patch is for another product"),
    (FLASHDELTA_ERR_WRONG_HARDWARE, c"the patch is for other hardware revisions"),
    (FLASHDELTA_ERR_ROLLBACK, c"the patch would go back below the device's security counter"),
    (FLASHDELTA_ERR_DOES_NOT_FIT, c"the patch asks for more than there is"),
    (
        FLASHDELTA_ERR_WORKSPACE_TOO_SMALL,
        c"the workspace is too small: lend more, or make the patch for less RAM",
    ),
    (FLASHDELTA_ERR_NEW_TOO_LONG, c"the new image does not fit the new slot"),
    (
        FLASHDELTA_ERR_WRITE_SIZE,
        c"the flash is written in larger units than the patch was made for",
    ),
    (FLASHDELTA_ERR_CODEC_NOT_BUILT, c"this library was built without the codec of the patch"),
    (
        FLASHDELTA_ERR_ISA_NOT_BUILT,
        c"this library was built without the instruction set of the patch",
    ),
    (FLASHDELTA_ERR_UNSUPPORTED_VERSION, c"the patch has an unknown version of the format"),
    (
        FLASHDELTA_ERR_UNSUPPORTED_FEATURE,
        c"the patch requires a feature that this library does not have",
    ),
    (FLASHDELTA_ERR_UNKNOWN_CODEC, c"the patch has an unknown codec"),
    (FLASHDELTA_ERR_UNKNOWN_ISA, c"the patch has an unknown instruction set"),
    (FLASHDELTA_ERR_PROFILE_TOO_SMALL, c"no patch with these options fits the RAM of the device"),
    (FLASHDELTA_ERR_IMAGES_TOO_LARGE, c"the images are too large"),
    (FLASHDELTA_ERR_NOT_IN_PROFILE, c"the device profile rules out what was asked for"),
    (FLASHDELTA_ERR_CANNOT_CONVERT, c"this cannot be written in that format"),
    (FLASHDELTA_ERR_IO, c"reading or writing failed"),
    (FLASHDELTA_ERR_READ_OLD, c"reading the old image failed"),
    (FLASHDELTA_ERR_READ_NEW, c"reading back the new image failed"),
    (FLASHDELTA_ERR_WRITE_NEW, c"writing the new image failed"),
    (FLASHDELTA_ERR_ERASE_NEW, c"erasing the new slot failed"),
    (FLASHDELTA_ERR_FLUSH_NEW, c"flushing the new image failed"),
    (FLASHDELTA_ERR_COMMIT_NEW, c"the new image is complete, but handing it over failed"),
    (FLASHDELTA_ERR_FILE, c"a file could not be read or written"),
    (FLASHDELTA_ERR_CANCELLED, c"cancelled"),
    (FLASHDELTA_ERR_FIRMWARE_FILE, c"a firmware file is damaged"),
    (FLASHDELTA_ERR_CHUNK_BUFFER_TOO_SMALL, c"the buffer for checking chunks is too small"),
    (FLASHDELTA_ERR_PIECE_MISSING, c"a piece of the patch is missing"),
    (FLASHDELTA_ERR_NO_PIECE, c"this is no piece of the patch"),
    (FLASHDELTA_ERR_STORE_OCCUPIED, c"another patch is in the store"),
    (FLASHDELTA_ERR_STORE_EMPTY, c"there is no patch in the store"),
    (FLASHDELTA_ERR_NO_SUSPENSION, c"there is no suspended update"),
    (FLASHDELTA_ERR_NO_CHUNKS, c"the patch has no chunks that the store could receive"),
    (FLASHDELTA_ERR_STORE_TOO_SMALL, c"the store or its memory is too small"),
    (FLASHDELTA_ERR_STORE_ROTTED, c"header or chunk table in the store are not what was written"),
    (FLASHDELTA_ERR_NOT_AUTHENTIC, c"the patch is not authentic"),
    (FLASHDELTA_ERR_UNSIGNED, c"the patch has no signature, and one is required"),
    (FLASHDELTA_ERR_UNKNOWN_KEY, c"the patch is signed with no key that is trusted"),
    (FLASHDELTA_ERR_WRONG_SIGNATURE, c"the signature of a trusted key is not that of this patch"),
    (FLASHDELTA_ERR_WRONG_TABLE, c"the chunk table is not the one that the header vouches for"),
    (FLASHDELTA_ERR_WRONG_CHUNK, c"a chunk of the patch is wrong: transfer it again"),
    (FLASHDELTA_ERR_SUSPENSION_DAMAGED, c"the saved state of the update is damaged"),
    (FLASHDELTA_ERR_SUSPENSION_OTHER_PATCH, c"the saved state is of another patch"),
    (
        FLASHDELTA_ERR_SUSPENSION_OTHER_IMAGE,
        c"the new slot is not as it was when the update was suspended",
    ),
    (
        FLASHDELTA_ERR_SUSPENSION_OTHER_VERSION,
        c"another version of this library has saved the state",
    ),
    (FLASHDELTA_ERR_WRITE_SUSPENSION, c"the state of the update could not be saved"),
    (FLASHDELTA_ERR_READ_SUSPENSION, c"the saved state of the update could not be read"),
    (FLASHDELTA_ERR_WRONG_ORDER, c"a function of a set was called in a wrong order"),
    (
        FLASHDELTA_ERR_HARDWARE_UNKNOWN,
        c"a component is for some hardware only, and the device does not say which it is",
    ),
    (
        FLASHDELTA_ERR_NOT_RECOVERED,
        c"an update by a set was committed and is not complete: recover first",
    ),
    (FLASHDELTA_ERR_NOT_A_SET, c"this is not a component set"),
    (FLASHDELTA_ERR_WRONG_PAYLOAD, c"a payload makes another image than its set says"),
    (FLASHDELTA_ERR_WRONG_COMPONENT, c"a component is not what the set was made for"),
    (FLASHDELTA_ERR_NOT_ABSENT, c"something is in a component where the set expects nothing"),
    (FLASHDELTA_ERR_COMPONENT_MISSING, c"the set requires a component that is not there"),
    (FLASHDELTA_ERR_UNKNOWN_COMPONENT, c"the device has no such component"),
    (FLASHDELTA_ERR_INDEX_BUFFER_TOO_SMALL, c"the memory for the index of the set is too small"),
    (FLASHDELTA_ERR_COMPONENT, c"a component of the device reports an error"),
    (FLASHDELTA_ERR_SET_RECORD, c"the record of the update could not be read or written"),
    (
        FLASHDELTA_ERR_WRONG_HEADER,
        c"the header of a payload is not the one that its set vouches for",
    ),
    // What has no entry yet.
    (FLASHDELTA_ERR_INTERNAL, c"unknown status"),
];

/// What a status means, in a few English words.
///
/// @param status any number; later versions of the library may return more than those of
///     flashdelta_status
/// @return a string that lives for ever; never NULL, "unknown status" if the number is none of
///     flashdelta_status
///
/// May be called from any thread and from interrupts.
#[no_mangle]
pub extern "C" fn flashdelta_strerror(status: i32) -> *const c_char {
    let known = TEXTS.iter().find(|(number, _)| *number as i32 == status);
    known.or(TEXTS.last()).map_or(c"".as_ptr(), |(_, text)| text.as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_text() {
        // The last entry is for numbers that are none.
        let known = &TEXTS[..TEXTS.len() - 1];
        for (i, (status, text)) in known.iter().enumerate() {
            let others = known.iter().skip(i + 1);
            assert!(others.clone().all(|(other, _)| other != status), "{status:?} twice");
            assert!(others.clone().all(|(_, other)| other != text), "{text:?} twice");
        }
        // As many as the enumeration has; it is read because nothing lists the variants of an
        // enumeration.
        let source = include_str!("status.rs");
        let variants = source
            .lines()
            .filter(|line| line.starts_with("    FLASHDELTA_") && line.contains(" = "))
            .count();
        assert_eq!(known.len(), variants);
    }

    #[test]
    fn the_class_is_the_hundreds() {
        use crate::detail::flashdelta_error_detail;
        use flashdelta::apply::{ApplyError, Damage};

        let cases: [(ApplyError<(), ()>, i32); 6] = [
            (ApplyError::Poisoned, 2),
            (ApplyError::Damaged { what: Damage::Stuck, offset: 3 }, 3),
            (ApplyError::OldTooShort { expected: 2, found: 1 }, 4),
            (ApplyError::NoIdentity, 5),
            (ApplyError::WorkspaceTooSmall { needed: 2, found: 1 }, 6),
            (ApplyError::Finish { error: () }, 7),
        ];
        for (error, class) in cases {
            assert_eq!(flashdelta_error_detail::of(&error).status as i32 / 100, class, "{error:?}");
        }
    }
}
