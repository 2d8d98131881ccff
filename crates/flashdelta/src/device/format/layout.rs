//! How the RAM of a device is divided.
//!
//! A device lends the applier one block of RAM, the workspace. Its size follows from the header:
//! [`Layout::of`] says what each part takes. The maker uses the same function to choose tables that
//! fit a device profile.

use super::limits::{APPLIER_BYTES, BYTE_CODEC_STEP_BYTES, MODEL_STEP_BYTES, MODEL_WEIGHTS};
use super::{Codec, PatchHeader};
use crate::device::isa::LOOKAHEAD;

/// The workspace may start and end anywhere; the words in it lie at multiples of 4.
pub(crate) const SLACK: usize = 6;

/// The smallest parts, in bytes.
const OLD_WINDOW: usize = LOOKAHEAD + 32;
const NEW_WINDOW: usize = 16;
const PAGE: usize = 16;
const _: () = assert!(
    (OLD_WINDOW | NEW_WINDOW | PAGE | CARRY | ZSTD_BLOCK).is_multiple_of(4),
    "these are whole words"
);

/// Op bytes that a byte codec needs for a step.
const CARRY: usize = BYTE_CODEC_STEP_BYTES;
/// Output of the Zstandard decoder that is buffered.
const ZSTD_BLOCK: usize = 4096;

/// What each part of the workspace takes, in words of 4 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Layout {
    /// Slots of the models.
    pub(crate) slots: usize,
    /// Mixer weights.
    pub(crate) weights: usize,
    /// The shift map.
    pub(crate) shifts: usize,
    /// What of the patch waits for the rest of an LZ4 block.
    pub(crate) input: usize,
    /// What of the patch or of its operations waits for the rest of a step.
    pub(crate) carry: usize,
    /// Decompressed operations.
    pub(crate) block: usize,
    /// Window over the old image.
    pub(crate) old_window: usize,
    /// Window over the new image.
    pub(crate) new_window: usize,
    /// What waits to be written.
    pub(crate) page: usize,
    /// The table of holes.
    #[cfg(feature = "holes")]
    pub(crate) holes: usize,
    /// The address maps.
    pub(crate) segments: usize,
}

impl Layout {
    /// The smallest layout in which a patch can be applied.
    pub(crate) fn of(header: &PatchHeader) -> Self {
        let tables = header.tables;
        let granularity = (1usize << header.granularity_log2) / 4;
        let mut layout = Self {
            shifts: usize::from(tables.shifts) * 2,
            old_window: OLD_WINDOW / 4,
            new_window: NEW_WINDOW / 4,
            page: granularity.max(PAGE / 4),
            #[cfg(feature = "holes")]
            holes: header.hole_len().div_ceil(4),
            segments: if cfg!(feature = "prediction") {
                header.map_counts.segments() * 3
            } else {
                0
            },
            ..Self::default()
        };
        let block = (1usize << tables.block_log2) / 4;
        match header.codec {
            Codec::Raw => layout.carry = CARRY / 4,
            Codec::Lz4 => (layout.input, layout.carry, layout.block) = (block, CARRY / 4, block),
            Codec::Zstd => (layout.carry, layout.block) = (CARRY / 4, ZSTD_BLOCK / 4),
            #[cfg(feature = "model")]
            Codec::Model => {
                layout.slots = tables.model_slots().div_ceil(2);
                layout.weights = MODEL_WEIGHTS.div_ceil(2);
                layout.carry = MODEL_STEP_BYTES.div_ceil(4);
            }
            #[cfg(not(feature = "model"))]
            Codec::Model => {}
        }
        // The header itself waits at the front of the workspace until the address maps at its end
        // have been read from it, and the table of holes been copied.
        let front = layout.words() - layout.tail();
        let header_words = header.header_len.div_ceil(4) as usize;
        layout.old_window += header_words.saturating_sub(front);
        layout
    }

    /// What is at the end, and made of the header: the table of holes, the address maps.
    pub(crate) fn tail(&self) -> usize {
        #[cfg(feature = "holes")]
        let segments = self.segments + self.holes;
        #[cfg(not(feature = "holes"))]
        let segments = self.segments;
        segments
    }

    /// All parts.
    pub(crate) fn words(&self) -> usize {
        let tables = self.slots + self.weights + self.shifts + self.tail();
        tables
            + self.input
            + self.carry
            + self.block
            + self.old_window
            + self.new_window
            + self.page
    }

    /// RAM of a device that takes it, the applier included, in bytes.
    pub(crate) fn ram(&self) -> usize {
        APPLIER_BYTES + SLACK + self.words() * 4
    }

    /// Shares spare words out between the windows and the page.
    pub(crate) fn grow(&mut self, spare: usize) {
        self.old_window += (spare / 2).min(256usize.saturating_sub(self.old_window));
        self.new_window += (spare / 8).min(32usize.saturating_sub(self.new_window));
        let mut left = spare / 4;
        while self.page <= 32 && self.page <= left {
            left -= self.page;
            self.page *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spare_memory_is_not_given_out_twice() {
        for granularity_log2 in 0..9 {
            for spare in 0..1250 {
                let header = PatchHeader { granularity_log2, ..PatchHeader::default() };
                let before = Layout::of(&header);
                let mut after = before;
                after.grow(spare);
                assert!(after.words() <= before.words() + spare);
                assert_eq!(after.page * 4 % (1 << granularity_log2), 0);
            }
        }
    }
}
