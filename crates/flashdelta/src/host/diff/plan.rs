//! The maker's knowledge, as the model codec asks for it.

use std::borrow::Cow;

use super::stream::{CopyReader, CopyStream};
use crate::device::codec::model::Oracle;
use crate::device::images::{Jump, Space};
use crate::host::encode::CopyRun;

/// The copies of a parse, one that is finished or one that is still under way.
#[derive(Clone, Copy)]
pub(crate) enum Chosen<'a> {
    All(&'a [CopyRun]),
    Following(&'a CopyStream),
}

impl<'a> Chosen<'a> {
    /// All of them; waits for the end of the parse.
    pub(crate) fn all(&self) -> Cow<'a, [CopyRun]> {
        match self {
            Self::All(copies) => Cow::Borrowed(copies),
            Self::Following(stream) => Cow::Owned(stream.all()),
        }
    }
}

/// The parse, walked in step with the codec.
pub(crate) struct Plan<'a> {
    new: &'a [u8],
    copies: Copies<'a>,
    next: usize,
}

enum Copies<'a> {
    All(&'a [CopyRun]),
    Following(CopyReader<'a>),
}

/// The codec asks about this many bytes at a time: a unit, or the least that is worth a copy.
const REACH: u32 = 4;

impl<'a> Plan<'a> {
    /// A plan at the start of the new image.
    pub(crate) fn new(new: &'a [u8], chosen: Chosen<'a>) -> Self {
        let copies = match chosen {
            Chosen::All(copies) => Copies::All(copies),
            Chosen::Following(stream) => Copies::Following(stream.reader()),
        };
        Self { new, copies, next: 0 }
    }

    /// The copy that covers `at` or comes next.
    fn current(&mut self, at: u32) -> Option<CopyRun> {
        let copies = match &mut self.copies {
            Copies::All(copies) => copies,
            Copies::Following(reader) => reader.up_to(at + REACH),
        };
        while copies.get(self.next).is_some_and(|c| c.end <= at) {
            self.next += 1;
        }
        copies.get(self.next).copied()
    }
}

impl Oracle for Plan<'_> {
    fn bytes(&self, at: u32, len: u8) -> [u8; 4] {
        let mut bytes = [0; 4];
        let at = at as usize;
        let part = &self.new[at.min(self.new.len())..self.new.len().min(at + len as usize)];
        bytes[..part.len()].copy_from_slice(part);
        bytes
    }

    fn ends(&mut self, at: u32, len: u8, copy: Jump) -> bool {
        let goes_on = self.current(at).is_some_and(|c| {
            c.start <= at
                && at + u32::from(len) <= c.end
                && c.space == copy.space
                && c.source + (at - c.start) == copy.source
        });
        !goes_on
    }

    fn jump(&mut self, at: u32) -> Option<Jump> {
        let copy = self.current(at).filter(|c| c.start <= at)?;
        let source = copy.source + (at - copy.start);
        // What is left of a copy from the new image after the unit before ran into it may not be
        // worth its distance.
        let left = copy.end - at;
        (left >= 3 || copy.space == Space::Old && left > 1)
            .then_some(Jump { space: copy.space, source })
    }
}
