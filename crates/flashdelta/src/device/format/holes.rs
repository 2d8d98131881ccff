//! The table of holes in a header: ranges of the images that each device has for itself.

use super::error::HeaderError;
use super::limits::{DIGEST_LEN, MAX_SIZE};
use super::varint::Reader;

/// No patch has more holes.
pub(crate) const MOST_HOLES: u8 = 16;
/// No name has more bytes.
pub(crate) const MOST_NAME: usize = 16;

/// The bit of a span, in headers in memory, that says that an address map follows.
pub(crate) const MAP_FOLLOWS: u8 = 15;

/// Bits of the byte that a table begins with, beside the number of holes.
pub(crate) const OLD_CHECKSUM: u8 = 1 << 5;
pub(crate) const NEW_CHECKSUM: u8 = 1 << 6;
pub(crate) const OLD_DIGEST: u8 = 1 << 7;
/// The number of holes.
const COUNT: u8 = 31;

/// Bits of the byte that a hole begins with; the length of its name is above them.
pub(crate) const KEEP: u8 = 1;
pub(crate) const GIVEN: u8 = 2;
pub(crate) const IN_OLD: u8 = 4;
pub(crate) const NAME_SHIFT: u8 = 3;
/// What these three bits may be, a bit each: only what the old image has can be kept or be gone.
const POSSIBLE: u8 = 1 << IN_OLD
    | 1 << (IN_OLD | KEEP)
    | 1 << GIVEN
    | 1 << (IN_OLD | GIVEN)
    | 1 << (IN_OLD | GIVEN | KEEP);

/// Which image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Old,
    New,
}

/// A hole: a range that each device has for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hole<'a> {
    /// What it is called.
    pub(crate) name: &'a [u8],
    /// [`KEEP`], [`GIVEN`] and [`IN_OLD`].
    pub(crate) flags: u8,
    /// Where it is in the old image, if it is there.
    old: u32,
    /// Where it is in the new image, if it is there.
    new: u32,
    /// Bytes that it has.
    pub(crate) len: u32,
    /// What stands for each of them in both digests.
    pub(crate) fill: u8,
}

impl Hole<'_> {
    /// Where it is in an image, if it is there.
    pub(crate) fn start(&self, side: Side) -> Option<u32> {
        let (start, bits) = match side {
            Side::Old => (self.old, IN_OLD),
            Side::New => (self.new, KEEP | GIVEN),
        };
        (self.flags & bits != 0).then_some(start)
    }

    /// Whether its value may be kept from the old image.
    pub(crate) fn is_kept(&self) -> bool {
        self.flags & KEEP != 0
    }

    /// Whether its value may be given with the update.
    pub(crate) fn is_given(&self) -> bool {
        self.flags & GIVEN != 0
    }
}

/// The holes of a patch, read one after the other: in the order that they have in the new image.
#[derive(Clone, Debug)]
pub(crate) struct Holes<'a> {
    reader: Reader<'a>,
    /// The byte that the table begins with.
    pub(crate) head: u8,
    left: u8,
    old_end: u32,
    new_end: u32,
}

impl<'a> Holes<'a> {
    /// Those of a table.
    pub(crate) fn new(table: &'a [u8]) -> Self {
        Self::read(Reader::new(table, 0))
    }

    fn read(mut reader: Reader<'a>) -> Self {
        let head = reader.byte();
        Self { reader, head, left: head & COUNT, old_end: 0, new_end: 0 }
    }
}

impl<'a> Iterator for Holes<'a> {
    type Item = Hole<'a>;

    #[inline(never)] // One copy in the device's flash.
    fn next(&mut self) -> Option<Hole<'a>> {
        self.left = self.left.checked_sub(1)?;
        let reader = &mut self.reader;
        let head = reader.byte();
        let len = reader.limited(MAX_SIZE);
        let (mut old, mut new) = (0, 0);
        if head & (KEEP | GIVEN) != 0 {
            new = self.new_end.wrapping_add(reader.limited(MAX_SIZE));
            self.new_end = new.wrapping_add(len);
        }
        if head & IN_OLD != 0 {
            old = self.old_end.wrapping_add(reader.signed() as u32);
            self.old_end = old.wrapping_add(len);
        }
        let fill = reader.byte();
        let name = reader.slice(usize::from(head >> NAME_SHIFT));
        Some(Hole { name, flags: head & (KEEP | GIVEN | IN_OLD), old, new, len, fill })
    }
}

/// The images of a patch, as far as its holes are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sizes {
    pub(crate) old: u32,
    /// Bytes of the new image that the body makes.
    pub(crate) coded: u32,
}

impl Sizes {
    /// Where the old image has its own digest, or else ends.
    pub(crate) fn old_end(self, head: u8) -> Option<u32> {
        self.old.checked_sub(if head & OLD_DIGEST != 0 { DIGEST_LEN } else { 0 })
    }

    /// Where an image has its checksum, or else ends or has its own digest: all holes are before.
    pub(crate) fn limit(self, side: Side, head: u8) -> Option<u32> {
        let (end, bit) = match side {
            Side::Old => (self.old_end(head)?, OLD_CHECKSUM),
            Side::New => (self.coded, NEW_CHECKSUM),
        };
        end.checked_sub(u32::from(head & bit != 0))
    }
}

/// Reads over a table, and reports what is wrong with it.
pub(crate) fn check(reader: &mut Reader<'_>, sizes: Sizes) {
    let start = reader.clone();
    let mut holes = Holes::read(start.clone());
    let (old, new) = (sizes.limit(Side::Old, holes.head), sizes.limit(Side::New, holes.head));
    let (Some(old_limit), Some(new_limit)) = (old, new) else {
        return reader.bad_number(0);
    };
    if holes.left == 0 || holes.left > MOST_HOLES {
        return reader.bad_number(0);
    }
    let mut index = 0u32;
    while let Some(hole) = holes.next() {
        let end = |start: u32| start.saturating_add(hole.len);
        let fits = |side, limit| hole.start(side).is_none_or(|start| end(start) <= limit);
        let mut is_right = POSSIBLE >> hole.flags & 1 != 0
            && hole.len != 0
            && (1..=MOST_NAME).contains(&hole.name.len())
            && hole.name.iter().all(u8::is_ascii_graphic)
            && fits(Side::Old, old_limit)
            && fits(Side::New, new_limit);
        for other in Holes::read(start.clone()).take(index as usize) {
            let mut overlap = false;
            if let (Some(mine), Some(its)) = (hole.start(Side::Old), other.start(Side::Old)) {
                overlap = mine < its.wrapping_add(other.len) && its < end(mine);
            }
            is_right &= !overlap && hole.name != other.name;
        }
        if !is_right {
            holes.reader.fail(HeaderError::BadHole { index });
        }
        index = index.wrapping_add(1);
    }
    *reader = holes.reader;
}

/// What a hole is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HoleName {
    bytes: [u8; MOST_NAME],
    len: u8,
}

impl HoleName {
    /// The name of these bytes, as far as names go.
    pub(crate) fn of(name: &[u8]) -> Self {
        let mut bytes = [0; MOST_NAME];
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = *from;
        }
        Self { bytes, len: name.len().min(MOST_NAME) as u8 }
    }

    /// Its characters, which are all ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

impl core::fmt::Display for HoleName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for byte in self.as_bytes() {
            core::fmt::Write::write_char(f, char::from(*byte))?;
        }
        Ok(())
    }
}

impl core::fmt::Debug for HoleName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "\"{self}\"")
    }
}
