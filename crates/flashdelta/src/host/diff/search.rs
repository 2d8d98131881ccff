//! From two images to the copies that make one of the other.

use std::sync::{Mutex, OnceLock};

use super::candidates::{self, Candidate, Limits};
use super::control::Control;
use super::error::DiffError;
use super::mask;
use super::matches::Matches;
use super::nearby::Indexes;
use super::options::Phase;
use super::parallel::in_parallel;
use super::parse::{self, Prices};
use crate::device::format::Order;
use crate::device::isa::InstructionSet;
use crate::device::predict::address_map::{
    AddressMaps, PointerRanges, Segment, SegmentKind, SegmentWords,
};
use crate::device::predict::walker::Walker;
use crate::host::encode::{CopyRun, Maps};

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

    /// Whether any reference can be predicted at all.
    pub(crate) fn is_any(&self) -> bool {
        !self.isa.is_none() || !self.maps.is_empty()
    }

    /// Prediction by the same address maps and another size of unit.
    pub(crate) fn with(&self, isa: InstructionSet) -> Self {
        Self { isa, ..self.clone() }
    }

    /// The sizes of unit that are worth trying with the same copies: where the instruction set is
    /// not known, its unit is not either.
    pub(crate) fn grains(&self, several: bool) -> Vec<Self> {
        let isas: &[InstructionSet] = match self.isa {
            InstructionSet::None if several => {
                &[InstructionSet::None, InstructionSet::Halves, InstructionSet::Bytes]
            }
            _ => &[self.isa],
        };
        isas.iter().map(|isa| self.with(*isa)).collect()
    }

    /// A walk from the old image to the new one.
    pub(crate) fn walker(&self) -> Walker<'_> {
        let pointers = PointerRanges::of(&self.maps.old, &self.maps.ranges);
        Walker::new(self.isa, AddressMaps { old: &self.old, new: &self.new, pointers })
    }

    /// Both images with their references zeroed, and at which offsets of the old one a copy may
    /// begin without its walk getting out of step.
    fn masked(&self, old: &[u8], new: &[u8], threads: usize) -> (Vec<u8>, Vec<u8>, Vec<bool>) {
        let walk = |segments: &[Segment], words| {
            let pointers = PointerRanges::of(segments, &self.maps.ranges);
            Walker::new(self.isa, AddressMaps { old: words, new: words, pointers })
        };
        // Other instruction sets are in step again after an instruction or two.
        let mut entrances = vec![self.isa != InstructionSet::Xtensa; old.len()];
        let (masked_old, masked_new) = in_parallel(
            threads,
            || mask::mask(old, walk(&self.maps.old, &self.old[..]), |at| entrances[at] = true),
            || mask::mask(new, walk(&self.maps.new, &self.new[..]), |_| ()),
        );
        let mut ended = 0;
        for code in self.maps.old.iter().filter(|s| s.kind == SegmentKind::Code) {
            entrances[ended..code.offset as usize].fill(true);
            ended = code.end() as usize;
        }
        entrances[ended..].fill(true);
        (masked_old, masked_new, entrances)
    }
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
        let prices = Prices {
            literal: 210,
            hit: 2,
            new_hit: 6,
            miss: 340,
            next_miss: 200,
            leave: 280,
            enter: 110,
            distance_bit: 42,
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
        Limits { old_match: 4, new_match: 4, drop: 64, miss: 2, work: 8 << (effort.min(6) / 2) }
    }

    /// Finds the copies.
    pub(crate) fn find(
        &self,
        (old, new, order): (&[u8], &[u8], Order),
        prediction: &Prediction,
        Threads { count: threads, prepare }: Threads,
        control: &Control<'_>,
    ) -> Result<Found, DiffError> {
        let size = (old.len() + new.len()) as u64;
        let (masked_old, masked_new, entrances, matches) = control.time(Phase::Match, || {
            let (masked_old, masked_new, entrances) = prediction.masked(old, new, threads);
            let matches = Matches::find(&masked_old, &masked_new, threads);
            (masked_old, masked_new, entrances, matches)
        });
        control.advance(Phase::Match, size)?;
        let found = control.time(Phase::Parse, || {
            let candidates =
                candidates::find((&masked_old, &masked_new), new, matches, &self.limits, threads);
            let candidates = candidates::there(candidates, order);
            let (indexes, copies) = in_parallel(
                threads,
                // A thread that has nothing else to do prepares what comes next.
                || (threads > 1 && prepare).then(|| Indexes::new(old, new)),
                || parse::parse(&masked_old, &masked_new, &candidates, &self.prices),
            );
            Found {
                copies,
                candidates,
                entrances,
                near: OnceLock::new(),
                indexes: Mutex::new(indexes),
            }
        });
        control.advance(Phase::Parse, size)?;
        Ok(found)
    }
}

/// The threads that a search may use.
#[derive(Clone, Copy)]
pub(crate) struct Threads {
    pub(crate) count: usize,
    /// Whether an idle one prepares for choosing the copies again.
    pub(crate) prepare: bool,
}

/// What a search has found.
#[derive(Default)]
pub(crate) struct Found {
    /// The copies that are the cheapest, as far as that is known.
    pub(crate) copies: Vec<CopyRun>,
    pub(crate) candidates: Vec<Candidate>,
    /// For each offset of the old image, whether a copy may begin there without its walk getting
    /// out of step.
    pub(crate) entrances: Vec<bool>,
    /// Short matches near by, once copies have been chosen again.
    pub(crate) near: OnceLock<Vec<Candidate>>,
    /// Of the images as they are, if there was time to make them. They are taken out where they
    /// are used, as they are large.
    pub(crate) indexes: Mutex<Option<Indexes>>,
}
