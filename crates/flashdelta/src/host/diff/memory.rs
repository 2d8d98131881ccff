//! How much memory making a patch takes, and whether there is as much.

use super::error::DiffError;
use super::options::DiffOptions;
use crate::device::format::Codec;

/// Bytes per byte of both images.
const PER_BYTE: u64 = 16;

/// The same from [`MORE_EFFORT`] on, where copies are chosen more often at the same time.
const PER_BYTE_WITH_EFFORT: u64 = 24;
const MORE_EFFORT: u8 = 8;

/// In addition, whatever the size.
const BESIDES: u64 = 64 << 20;

/// Coders that work at the same time, each of which has what a device has.
const CODERS: u64 = 8;

/// What Zstandard takes to compress.
const ZSTD: u64 = 128 << 20;

/// Memory in bytes that making a patch between images of these lengths takes at most, both images
/// included: for callers that know lengths before contents. Any pair takes less, also one that was
/// made to take much; most take half.
///
/// ```
/// use flashdelta::diff::{self, DiffOptions};
///
/// let mib = 1 << 20;
/// let needed = diff::memory_needed(4 * mib, 4 * mib, &DiffOptions::new());
/// assert!((128 * mib..256 * mib).contains(&needed));
/// ```
pub fn memory_needed(old_len: u64, new_len: u64, options: &DiffOptions) -> u64 {
    let per_byte = if options.effort < MORE_EFFORT { PER_BYTE } else { PER_BYTE_WITH_EFFORT };
    let images = old_len.saturating_add(new_len).saturating_mul(per_byte);
    let has_zstd = options.codec.map_or_else(
        || options.profile.codecs.contains(&Codec::Zstd),
        |codec| codec == Codec::Zstd,
    );
    let codecs = CODERS * u64::from(options.profile.ram) + if has_zstd { ZSTD } else { 0 };
    images.saturating_add(BESIDES).saturating_add(codecs)
}

/// Whether there is the memory that matching takes in any case, which is nearly all: asked for
/// before any work, and given back.
pub(super) fn check(old: &[u8], new: &[u8], options: &DiffOptions) -> Result<(), DiffError> {
    let (old, new) = (old.len() as u64, new.len() as u64);
    // Both masked images and the entrances of the old one, both suffix arrays, the matches of each
    // byte of the new image in both.
    let least = old * (1 + 1 + 4) + new * (1 + 4 + 8 + 8);
    let can = usize::try_from(least).is_ok_and(|least| Vec::<u8>::new().try_reserve(least).is_ok());
    match can {
        true => Ok(()),
        false => Err(DiffError::OutOfMemory { needed: memory_needed(old, new, options) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::profile::DeviceProfile;

    #[test]
    fn more_effort_larger_tables_and_zstd_take_more() {
        let needed = |options: &DiffOptions| memory_needed(10 << 20, 20 << 20, options);
        let usual = needed(&DiffOptions::new());
        assert_eq!(usual, (16 * 30 + 64) * (1 << 20) + 8 * (64 << 10));
        assert!(needed(&DiffOptions::new().effort(9)) > usual);
        assert!(needed(&DiffOptions::new().ram(1 << 20)) > usual);
        assert!(needed(&DiffOptions::new().profile(DeviceProfile::linux())) > usual + ZSTD);
        assert_eq!(memory_needed(u64::MAX, 1, &DiffOptions::new()), u64::MAX);
    }
}
