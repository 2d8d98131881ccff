//! Gives a finished patch the smallest tables with which it is not larger, and sees to it that more
//! RAM makes no larger patch.
//!
//! What the shift map and the blocks of LZ4 need is known exactly. For the hashed slots of the
//! model codec there is only trying: small tables learn faster, large ones keep more apart. And
//! which copies are best depends on the tables that they are chosen by.
//!
//! So what is tried for a device is also tried for every device with more RAM: copies are chosen by
//! the tables of the largest of [`RUNGS`] that fits, and by those of smaller ones, and coded with
//! the tables of all [`STEPS`] that fit and that are near enough. Of large patches less is tried:
//! there larger tables win by far.

use super::attempt::Made;
use super::encode::{Job, Limit};
use super::error::DiffError;
use super::maker::Maker;
use super::plan::Chosen;
use super::rungs::{rung, RUNGS};
use super::search::{Found, Prediction};
use crate::device::format::tables::{SHIFT_UNIT, SMALLEST_BLOCK};
use crate::device::format::{Codec, PatchHeader, Tables};
use crate::host::encode::{tables_for, CopyRun};

/// Copies are coded with tables for this much RAM, from a quarter of that of their rung on, and
/// below that of the rung after the next. Beyond the last, tables do not grow.
const STEPS: [u32; 15] = {
    const KIB: u32 = 1 << 10;
    [
        2 * KIB,
        3 * KIB,
        4 * KIB,
        6 * KIB,
        8 * KIB,
        12 * KIB,
        16 * KIB,
        24 * KIB,
        32 * KIB,
        48 * KIB,
        64 * KIB,
        96 * KIB,
        128 * KIB,
        192 * KIB,
        256 * KIB,
    ]
};

/// From a rung to the next, and to the steps around it.
const REACH: u32 = 4;

/// Of patches of this length, in bytes, all tables are tried; ...
const TINY: usize = 1 << 10;

/// ... from this one on only the copies of the next smaller rung, besides those of the own ...
const SMALL: usize = 4 << 10;

/// ... and from this one on those of none.
const LARGE: usize = 32 << 10;

/// What is larger by this much at some place is given up, since it does not catch up: a part of
/// the whole patch.
const HOPELESS: u64 = 16;

/// Copies, and the RAM by whose tables they were chosen; 0 if by none.
pub(super) struct Choice {
    rung: u32,
    prediction: Prediction,
    copies: Vec<CopyRun>,
}

impl Choice {
    /// Whether tables for this much RAM are worth trying.
    fn is_near(&self, step: u32) -> bool {
        let is_lowest = self.rung <= RUNGS[0];
        let is_highest = self.rung == 0;
        (is_lowest || step >= self.rung / REACH)
            && (is_highest || step < self.rung.saturating_mul(REACH))
    }
}

impl Maker<'_> {
    /// The copies that are chosen by the tables of the device's rung, which are known, and by
    /// smaller ones.
    pub(super) fn choices(
        &self,
        prediction: &Prediction,
        found: &Found,
        chosen: Option<&Made>,
    ) -> Result<Vec<Choice>, DiffError> {
        let Some(chosen) = chosen else { return Ok(Vec::new()) };
        let own = rung(self.options.profile.ram);
        let mut choices = vec![Choice {
            rung: own,
            prediction: prediction.clone(),
            copies: chosen.copies.clone(),
        }];
        let smaller = match chosen.bytes.len() {
            0..SMALL => RUNGS.len(),
            SMALL..LARGE => 1,
            _ => 0,
        };
        for rung in RUNGS.into_iter().rev().filter(|rung| *rung < own).take(smaller) {
            let all = |copies: Chosen<'_>| copies.all().into_owned();
            let copies = self.choose(rung, prediction, found, || (), all)?;
            choices.extend(copies.map(|copies| Choice {
                rung,
                prediction: prediction.clone(),
                copies,
            }));
        }
        Ok(choices)
    }

    /// The same patch, or a smaller one with its copies or others, with smaller tables.
    pub(super) fn fit(&self, made: Made, mut choices: Vec<Choice>) -> Result<Made, DiffError> {
        let made = self.exact(made);
        if made.header.codec != Codec::Model {
            return Ok(made);
        }
        if choices.iter().all(|choice| choice.copies != made.copies) {
            // They were not chosen by any tables.
            let (prediction, copies) = (made.prediction.clone(), made.copies.clone());
            choices.insert(0, Choice { rung: 0, prediction, copies });
        }
        let ram = self.options.profile.ram;
        let least = tables_for(0, &made.header, made.prediction.is_any()).err();
        let few = least.into_iter().flat_map(|least| [least, 4 * least, 16 * least]);
        let steps = few.chain(STEPS).filter(|step| *step < ram).chain([ram]);
        let mut steps: Vec<u32> = steps.collect();
        steps.sort_unstable();
        let mut best = made;
        // The best is probably among the first, and all else can be given up early.
        for choice in &choices {
            for step in steps.iter().rev() {
                let is_tiny = best.bytes.len() <= TINY;
                let is_tried = choice.is_near(*step) || is_tiny && *step < choice.rung;
                if !is_tried {
                    continue;
                }
                if let Some(better) = self.with_tables(&best, choice, *step)? {
                    best = better;
                }
            }
        }
        Ok(best)
    }

    /// Leaves out of the shift map, and of blocks, what is never used.
    fn exact(&self, made: Made) -> Made {
        let tables = Tables {
            shifts: shifts_of(&made, made.header.tables),
            block_log2: match made.header.codec {
                Codec::Lz4 => block_of(&made),
                _ => made.header.tables.block_log2,
            },
            ..made.header.tables
        };
        let prediction = made.prediction.clone();
        let Made { header, body, copies, .. } = made;
        self.assemble(PatchHeader { tables, ..header }, &prediction, body, copies)
    }

    /// A patch of these copies with tables for this much RAM, if it is smaller than `best`, or as
    /// small and content with less.
    fn with_tables(
        &self,
        best: &Made,
        Choice { prediction, copies, .. }: &Choice,
        ram: u32,
    ) -> Result<Option<Made>, DiffError> {
        let Made { body, bytes, .. } = best;
        let header = &self.header(Codec::Model, prediction);
        let Ok(tables) = tables_for(ram, header, prediction.is_any()) else { return Ok(None) };
        let is_known = *copies == best.copies && *prediction == best.prediction;
        if is_known && tables.slots == best.header.tables.slots {
            return Ok(None);
        }
        let limit = Limit { bytes: bytes.len(), course: &body.course, part: HOPELESS };
        let chosen = Chosen::All(copies);
        let job =
            Job { old: self.old, new: self.new, copies: chosen, prediction, order: self.order() };
        let body = job.encode(header.codec, tables, self.options.effort, limit, &self.control)?;
        let Some(body) = body else { return Ok(None) };
        let header = PatchHeader { tables, ..*header };
        let made = self.exact(self.assemble(header, prediction, body, copies.to_vec()));
        let needs = |made: &Made| (made.bytes.len(), made.header.ram);
        let fits = made.header.ram <= self.options.profile.ram;
        Ok((fits && needs(&made) < needs(best)).then_some(made))
    }
}

/// As many entries of the shift map as are used, or as `tables` has if those of the patch have all
/// been in use: then some may have been dropped.
fn shifts_of(made: &Made, tables: Tables) -> u16 {
    let used = made.body.shifts_used;
    if used < usize::from(made.header.tables.shifts) {
        (used as u16).next_multiple_of(SHIFT_UNIT)
    } else {
        tables.shifts.min(made.header.tables.shifts)
    }
}

/// The smallest block that holds all operations, or the block of the patch.
fn block_of(made: &Made) -> u8 {
    let enough = made.body.block_used.max(1).next_power_of_two().ilog2() as u8;
    enough.max(SMALLEST_BLOCK).min(made.header.tables.block_log2)
}
