//! Gives a finished patch the smallest tables with which it is not larger: what a device needs for
//! it is in its header.
//!
//! What the shift map and the blocks of LZ4 need is known exactly. For the hashed slots of the
//! model codec there is only trying: small tables learn faster, large ones keep more apart. Since
//! all smaller tables that may be better are tried, more RAM makes no larger patch.

use super::attempt::Made;
use super::encode::{Job, Limit};
use super::error::DiffError;
use super::maker::Maker;
use super::plan::Chosen;
use crate::device::format::tables::{MAP_UNIT, SMALLEST_BLOCK};
use crate::device::format::{Codec, PatchHeader, Tables};
use crate::host::encode::tables_for;

/// Patches up to this size, in bytes, are tried with the smallest tables first.
const SMALL: usize = 1024;

/// Tables become smaller by this factor.
const STEP: u32 = 2;

/// For small patches, from the smallest tables on, larger by this factor.
const SMALL_STEP: u32 = 4;

impl Maker<'_> {
    /// The same patch, or a smaller one, with smaller tables.
    pub(super) fn fit(&self, made: Made) -> Result<Made, DiffError> {
        let made = self.exact(made);
        if made.header.codec != Codec::Model {
            return Ok(made);
        }
        if made.bytes.len() <= SMALL {
            self.smallest_tables(made)
        } else {
            self.smaller_tables_while_they_pay(made)
        }
    }

    /// Leaves out of the shift map, and of blocks, what is never used.
    fn exact(&self, made: Made) -> Made {
        let tables = Tables {
            map: map_of(&made, made.header.tables),
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

    /// Takes the smallest tables with which the patch is not larger.
    fn smallest_tables(&self, made: Made) -> Result<Made, DiffError> {
        let mut ram = self.least_ram(&made);
        while let Some(tables) = self.smaller_tables(&made, ram) {
            if let Some(smaller) = self.with_tables(&made, tables)? {
                return Ok(smaller);
            }
            ram *= SMALL_STEP;
        }
        Ok(made)
    }

    /// Takes smaller tables for as long as the patch does not become larger.
    fn smaller_tables_while_they_pay(&self, mut made: Made) -> Result<Made, DiffError> {
        let mut ram = self.options.profile.ram / STEP;
        while ram >= self.least_ram(&made) {
            // Above some size tables do not grow with the RAM.
            if let Some(tables) = self.smaller_tables(&made, ram) {
                match self.with_tables(&made, tables)? {
                    Some(smaller) => made = smaller,
                    None => break,
                }
            }
            ram /= STEP;
        }
        Ok(made)
    }

    fn least_ram(&self, made: &Made) -> u32 {
        tables_for(0, &made.header, made.prediction.is_any()).err().unwrap_or(u32::MAX)
    }

    /// Tables for this much RAM, if they have fewer slots than the patch has.
    fn smaller_tables(&self, made: &Made, ram: u32) -> Option<Tables> {
        let tables = tables_for(ram, &made.header, made.prediction.is_any()).ok()?;
        let tables = Tables { map: map_of(made, tables), ..tables };
        (tables.slots < made.header.tables.slots).then_some(tables)
    }

    /// The same patch coded with other tables, if it is not larger.
    fn with_tables(&self, made: &Made, tables: Tables) -> Result<Option<Made>, DiffError> {
        let Made { prediction, copies, header, body, bytes } = made;
        let limit = Limit { bytes: bytes.len(), course: &body.course };
        let job = Job { old: self.old, new: self.new, copies: Chosen::All(copies), prediction };
        let body = job.encode(header.codec, tables, self.options.effort, limit, &self.control)?;
        let Some(body) = body else { return Ok(None) };
        let header = PatchHeader { tables, ..*header };
        let smaller = self.assemble(header, prediction, body, copies.clone());
        Ok((smaller.bytes.len() <= bytes.len()).then_some(smaller))
    }
}

/// As many entries of the shift map as are used, or as `tables` has if those of the patch have all
/// been in use: then some may have been dropped.
fn map_of(made: &Made, tables: Tables) -> u16 {
    let used = made.body.map_used;
    if used < usize::from(made.header.tables.map) {
        (used as u16).next_multiple_of(MAP_UNIT)
    } else {
        tables.map.min(made.header.tables.map)
    }
}

/// The smallest block that holds all operations, or the block of the patch.
fn block_of(made: &Made) -> u8 {
    let enough = made.body.block_used.max(1).next_power_of_two().ilog2() as u8;
    enough.max(SMALLEST_BLOCK).min(made.header.tables.block_log2)
}
