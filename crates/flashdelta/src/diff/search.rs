//! From two images to the copies that make one of the other.

use super::candidates::{self, Limits};
use super::control::Control;
use super::matches::Matches;
use super::options::Phase;
use super::parse::{self, Copy, Prices};
use super::{mask, DiffError};
use crate::isa::AddressRange;
use crate::patch::Maps;
use crate::predict::address_map::{AddressMaps, PointerRanges, Segment, SegmentWords};
use crate::predict::walker::{InstructionSet, Walker};

/// What to predict by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Prediction {
    /// The instruction set.
    pub(crate) isa: InstructionSet,
    /// Both address maps.
    pub(crate) maps: Maps,
    old: Vec<SegmentWords>,
    new: Vec<SegmentWords>,
}

impl Prediction {
    /// Prediction by an instruction set and address maps that fit into a header.
    pub(crate) fn new(isa: InstructionSet, maps: Maps) -> Self {
        let words = |segments: &[Segment]| segments.iter().map(Segment::words).collect();
        let (old, new) = (words(&maps.old), words(&maps.new));
        Self { isa, maps, old, new }
    }

    /// Can any reference be predicted at all?
    pub(crate) fn is_any(&self) -> bool {
        self.isa != InstructionSet::None || !self.maps.is_empty()
    }

    /// A walk from the old image to the new one.
    pub(crate) fn walker(&self) -> Walker<'_> {
        let pointers = pointers(&self.maps.old, &self.maps.ranges);
        Walker::new(self.isa, AddressMaps { old: &self.old, new: &self.new, pointers })
    }

    /// Both images with their references zeroed.
    fn masked(&self, old: &[u8], new: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let walk = |segments: &[Segment], words| {
            let pointers = pointers(segments, &self.maps.ranges);
            Walker::new(self.isa, AddressMaps { old: words, new: words, pointers })
        };
        (
            mask::mask(old, walk(&self.maps.old, &self.old[..])),
            mask::mask(new, walk(&self.maps.new, &self.new[..])),
        )
    }
}

/// Where pointers may point. The applier gathers the same, in the same order.
fn pointers(segments: &[Segment], ranges: &[AddressRange]) -> PointerRanges {
    let mut pointers = PointerRanges::default();
    segments.iter().for_each(|s| pointers.add_segment(s));
    ranges.iter().for_each(|r| pointers.add(*r));
    pointers
}

/// What a search may cost, and what its result will be coded with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    pub(crate) limits: Limits,
    pub(crate) prices: Prices,
}

impl Search {
    /// For the model codec.
    pub(crate) fn for_model(effort: u8) -> Self {
        use crate::tune::t;
        let prices = Prices {
            literal: t(10, 210) as u32,
            hit: t(11, 2) as u32,
            new_hit: t(12, 6) as u32,
            miss: t(13, 370) as u32,
            next_miss: t(14, 200) as u32,
            leave: t(15, 250) as u32,
            enter: t(16, 96) as u32,
            distance_bit: t(17, 32) as u32,
        };
        Self { limits: Self::limits(effort), prices }
    }

    /// For the byte codecs, in which equal bytes cost nothing and a correction two bytes.
    pub(crate) fn for_bytes(effort: u8) -> Self {
        let byte = 8 * parse::BIT;
        let prices = Prices {
            literal: byte - byte / 8,
            hit: 0,
            new_hit: 0,
            miss: 2 * byte,
            next_miss: byte,
            leave: byte / 2,
            enter: byte,
            distance_bit: parse::BIT / 2,
        };
        Self { limits: Self::limits(effort), prices }
    }

    fn limits(effort: u8) -> Limits {
        use crate::tune::t;
        Limits {
            old_match: t(18, 6) as u32,
            new_match: t(19, 4) as u32,
            drop: t(20, 48),
            miss: t(21, 2),
            work: 8 << (effort.min(6) / 2),
        }
    }

    /// Finds the copies.
    pub(crate) fn copies(
        &self,
        old: &[u8],
        new: &[u8],
        prediction: &Prediction,
        threads: usize,
        control: &Control<'_>,
    ) -> Result<Vec<Copy>, DiffError> {
        let size = (old.len() + new.len()) as u64;
        let (masked_old, masked_new, matches) = control.time(Phase::Match, || {
            let (masked_old, masked_new) = prediction.masked(old, new);
            let matches = Matches::find(&masked_old, &masked_new, threads);
            (masked_old, masked_new, matches)
        });
        control.advance(Phase::Match, size)?;
        let copies = control.time(Phase::Parse, || {
            let candidates = candidates::find(&masked_old, &masked_new, new, &matches, &self.limits);
            drop(matches);
            parse::parse(&masked_old, &masked_new, &candidates, &self.prices)
        });
        control.advance(Phase::Parse, size)?;
        Ok(copies)
    }
}
