//! The flash.

use core::ops::Range;
use std::sync::Arc;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

use crate::cut::{Cut, Operation, POSITIONS};
use crate::error::SimError;
use crate::random::Random;
use crate::sector::{Sector, Unit};

/// Rules that not every flash has.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Inside a sector, writes must ascend. On by default.
    pub ascending: bool,
    /// The memory that is written from and read to must start at a multiple of this, as with DMA. 1
    /// (no rule) by default.
    pub memory_alignment: usize,
    /// This many bytes are programmed at once, a multiple of the write unit: a torn write leaves
    /// all units of such a block in doubt, as far as it wrote them. The write unit by default,
    /// which 0 stands for; SPI flash has pages of 256 bytes.
    pub program_page: usize,
    /// Reading a torn unit fails, as in flash with an error-correcting code. Off by default: random
    /// bits are read.
    pub torn_units_unreadable: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { ascending: true, memory_alignment: 1, program_page: 0, torn_units_unreadable: false }
    }
}

/// What was done to a flash.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Calls of `read`.
    pub reads: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Calls of `write`.
    pub writes: u64,
    /// Bytes that were written.
    pub bytes_written: u64,
    /// Sectors that were erased.
    pub erases: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Power {
    On,
    Until(Cut),
    Off,
}

/// A NOR flash with sectors of `ERASE` bytes, read in units of `READ` bytes and written in units of
/// `WRITE` bytes.
///
/// The units must not be 0, and a sector must be a multiple of both: otherwise it does not compile.
/// A clone is a snapshot, and cheap.
#[derive(Clone, Debug)]
pub struct NorSim<const READ: usize, const WRITE: usize, const ERASE: usize> {
    sectors: Vec<Arc<Sector>>,
    rules: Rules,
    protected: Vec<Range<u32>>,
    unreadable: Vec<Range<u32>>,
    seed: u64,
    power: Power,
    operations: u64,
    counters: Counters,
    recorded: Option<Vec<Operation>>,
    violations: Vec<SimError>,
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorSim<READ, WRITE, ERASE> {
    const GEOMETRY: () = {
        assert!(READ > 0 && WRITE > 0 && ERASE > 0, "units must not be 0");
        assert!(
            ERASE.is_multiple_of(READ) && ERASE.is_multiple_of(WRITE),
            "a sector is a multiple of the units"
        );
        assert!(ERASE <= u32::MAX as usize, "offsets have 32 bits");
    };

    /// A flash that is erased.
    pub fn new(sectors: usize) -> Self {
        let () = Self::GEOMETRY;
        let erased = Arc::new(Sector::new(ERASE, WRITE));
        Self {
            sectors: vec![erased; sectors],
            rules: Rules::default(),
            protected: Vec::new(),
            unreadable: Vec::new(),
            seed: 0,
            power: Power::On,
            operations: 0,
            counters: Counters::default(),
            recorded: None,
            violations: Vec::new(),
        }
    }

    /// A flash that has been in use: every unit of it is written, with random bytes. The seed is
    /// also that of torn units.
    pub fn used(sectors: usize, seed: u64) -> Self {
        let mut flash = Self::new(sectors).seed(seed);
        for (number, sector) in flash.sectors.iter_mut().enumerate() {
            let mut random = Random::of(seed, [u64::MAX, number as u64]);
            let bytes: Vec<u8> = (0..ERASE).map(|_| random.byte()).collect();
            Arc::make_mut(sector).load(0, &bytes);
        }
        flash
    }

    /// Other random bits in torn units.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Other rules.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Puts bytes in, as a programmer does before the test: no rule is checked, nothing is counted.
    ///
    /// # Errors
    ///
    /// [`SimError::OutOfBounds`] if they do not fit.
    pub fn load(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimError> {
        self.check(offset, bytes.len(), 1)?;
        for (sector, into, range) in pieces::<ERASE>(offset, bytes.len()) {
            Arc::make_mut(&mut self.sectors[sector]).load(into, &bytes[range]);
        }
        Ok(())
    }

    /// From now on, writing or erasing anything in this range is a violation: say, the slot that
    /// runs.
    pub fn protect(&mut self, range: Range<u32>) {
        self.protected.push(range);
    }

    /// From now on, reading anything in this range fails, whatever is written there: say, as the
    /// flash is too hot, or its bus is disturbed.
    pub fn fail_reads(&mut self, range: Range<u32>) {
        self.unreadable.push(range);
    }

    /// All can be read again.
    pub fn heal_reads(&mut self) {
        self.unreadable.clear();
    }

    /// What is in the flash, without counting as a read. Bytes past its end are left out.
    pub fn contents(&self, range: Range<u32>) -> Vec<u8> {
        let end = (range.end as usize).min(self.capacity());
        let len = end.saturating_sub(range.start as usize);
        let mut bytes = Vec::with_capacity(len);
        for (sector, into, range) in pieces::<ERASE>(range.start, len) {
            bytes.extend_from_slice(&self.sectors[sector].data[into..into + range.len()]);
        }
        bytes
    }

    /// Whether the flash holds these bytes at `offset`. As [`contents`](Self::contents), but
    /// without copying them.
    pub fn holds(&self, offset: u32, bytes: &[u8]) -> bool {
        self.check(offset, bytes.len(), 1).is_ok()
            && pieces::<ERASE>(offset, bytes.len()).all(|(sector, into, range)| {
                self.sectors[sector].data[into..into + range.len()] == bytes[range]
            })
    }

    /// Whether this sector is the same memory in both, that is, nobody has touched it since one was
    /// cloned from the other. An unchanged sector that was erased and written again is not.
    pub fn shares_sector(&self, other: &Self, sector: usize) -> bool {
        self.sectors
            .get(sector)
            .zip(other.sectors.get(sector))
            .is_some_and(|(mine, theirs)| Arc::ptr_eq(mine, theirs))
    }

    /// Whether this sector holds the same in both: the same bytes, and the same units erased,
    /// written or torn. How often it was erased does not count.
    pub fn same_sector(&self, other: &Self, sector: usize) -> bool {
        let both = self.sectors.get(sector).zip(other.sectors.get(sector));
        both.is_some_and(|(mine, theirs)| Arc::ptr_eq(mine, theirs) || mine.holds_the_same(theirs))
    }

    /// Makes a sector what it is in another flash of the same kind, its wear included: say, of a
    /// snapshot. No rule is checked, nothing is counted; a sector that is not there changes
    /// nothing.
    pub fn restore_sector(&mut self, from: &Self, sector: usize) {
        if let (Some(mine), Some(theirs)) = (self.sectors.get_mut(sector), from.sectors.get(sector))
        {
            mine.clone_from(theirs);
        }
    }

    /// The power goes at this place; until [`power_on`](Self::power_on) every access fails then.
    pub fn cut_at(&mut self, cut: Cut) {
        self.power = Power::Until(cut);
    }

    /// The power is back. A cut that was still to come does not come.
    pub fn power_on(&mut self) {
        self.power = Power::On;
    }

    /// Whether the power is gone.
    pub fn is_off(&self) -> bool {
        self.power == Power::Off
    }

    /// Writes and erases of sectors so far, torn ones included, refused ones not.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How many times each sector was erased, or started to be.
    pub fn wear(&self) -> Vec<u32> {
        self.sectors.iter().map(|sector| sector.erases).collect()
    }

    /// Number of units that were torn and not erased since.
    pub fn torn_units(&self) -> usize {
        self.sectors
            .iter()
            .map(|sector| sector.units.iter().filter(|unit| **unit == Unit::Torn).count())
            .sum()
    }

    /// Every rule that was broken.
    pub fn violations(&self) -> &[SimError] {
        &self.violations
    }

    /// Starts to record, from an empty record.
    pub fn record(&mut self) {
        self.recorded = Some(Vec::new());
    }

    /// Ends recording and gives what was done; nothing if it was not recorded.
    pub fn recorded(&mut self) -> Vec<Operation> {
        self.recorded.take().unwrap_or_default()
    }

    /// A copy that records nothing.
    pub(crate) fn unrecorded(&self) -> Self {
        let mut flash = self.clone();
        flash.recorded = None;
        flash
    }

    fn check(&self, offset: u32, len: usize, unit: usize) -> Result<(), SimError> {
        if !(offset as usize).is_multiple_of(unit) || !len.is_multiple_of(unit) {
            return Err(SimError::NotAligned { offset, len, unit });
        }
        match (offset as usize).checked_add(len) {
            Some(end) if end <= self.capacity() => Ok(()),
            _ => Err(SimError::OutOfBounds { offset, len }),
        }
    }

    /// Checks the rules for reads and writes alike.
    fn check_access(&self, offset: u32, memory: &[u8], unit: usize) -> Result<(), SimError> {
        self.check(offset, memory.len(), unit)?;
        if !memory.is_empty()
            && !memory.as_ptr().addr().is_multiple_of(self.rules.memory_alignment.max(1))
        {
            return Err(SimError::MemoryNotAligned { offset });
        }
        Ok(())
    }

    fn check_protection(&self, offset: u32, len: usize) -> Result<(), SimError> {
        if meets(&self.protected, offset, len) {
            return Err(SimError::Protected { offset, len });
        }
        Ok(())
    }

    fn check_write(&self, offset: u32, bytes: &[u8]) -> Result<(), SimError> {
        self.check_access(offset, bytes, WRITE)?;
        self.check_protection(offset, bytes.len())?;
        for (sector, into, range) in pieces::<ERASE>(offset, bytes.len()) {
            if let Some((unit, order)) =
                self.sectors[sector].refuses(into, range.len(), self.rules.ascending)
            {
                let offset = (sector * ERASE + unit * WRITE) as u32;
                return Err(if order {
                    SimError::NotAscending { offset }
                } else {
                    SimError::NotErased { offset }
                });
            }
        }
        Ok(())
    }

    /// Remembers it if a rule was broken.
    fn refuse<T>(&mut self, result: Result<T, SimError>) -> Result<T, SimError> {
        if let Err(error) = &result {
            if error.is_violation() {
                self.violations.push(*error);
            }
        }
        result
    }

    /// Counts an operation and says whether the power lasts: if not, the position of the cut.
    fn begin(&mut self, operation: impl FnOnce() -> Operation) -> Option<u8> {
        let number = self.operations;
        self.operations += 1;
        if let Some(recorded) = &mut self.recorded {
            recorded.push(operation());
        }
        match self.power {
            Power::Until(cut) if cut.operation <= number => {
                self.power = Power::Off;
                Some(cut.position)
            }
            _ => None,
        }
    }

    /// What a write leaves behind when it is cut: up to the first number it is complete, from there
    /// to the second it is torn.
    fn torn_part(&self, offset: usize, len: usize, position: u8) -> (usize, usize) {
        if position >= POSITIONS {
            return (len, len);
        }
        let page = self.rules.program_page.max(WRITE);
        let reached = offset + len / WRITE * usize::from(position) / usize::from(POSITIONS) * WRITE;
        let start = (reached - reached % page).max(offset);
        let end = (start - start % page + page).min(offset + len);
        (start - offset, end - offset)
    }

    fn random(&self, position: u8) -> Random {
        Random::of(self.seed, [self.operations, position.into()])
    }

    fn erase_sector(&mut self, number: usize) -> Result<(), SimError> {
        let cut = self.begin(|| Operation::Erase { offset: (number * ERASE) as u32 });
        self.counters.erases += 1;
        let mut random = self.random(cut.unwrap_or(POSITIONS));
        let sector = Arc::make_mut(&mut self.sectors[number]);
        match cut {
            Some(position) if position < POSITIONS => sector.tear_erase(position, &mut random),
            _ => sector.erase(),
        }
        cut.map_or(Ok(()), |_| Err(SimError::NoPower))
    }
}

/// Whether an access has a byte in one of the ranges.
fn meets(ranges: &[Range<u32>], offset: u32, len: usize) -> bool {
    let end = offset as usize + len;
    ranges.iter().any(|range| (range.start as usize) < end && offset < range.end)
}

/// The parts of an access in each sector: number of the sector, offset in it, range of the access's
/// bytes.
fn pieces<const ERASE: usize>(
    offset: u32,
    len: usize,
) -> impl Iterator<Item = (usize, usize, Range<usize>)> {
    let mut done = 0;
    core::iter::from_fn(move || {
        let (at, start) = (offset as usize + done, done);
        if done >= len {
            return None;
        }
        done = len.min(done + ERASE - at % ERASE);
        Some((at / ERASE, at % ERASE, start..done))
    })
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ErrorType
    for NorSim<READ, WRITE, ERASE>
{
    type Error = SimError;
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash
    for NorSim<READ, WRITE, ERASE>
{
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimError> {
        if self.is_off() {
            return Err(SimError::NoPower);
        }
        let checked = self.check_access(offset, bytes, READ);
        self.refuse(checked)?;
        self.counters.reads += 1;
        self.counters.bytes_read += bytes.len() as u64;
        if meets(&self.unreadable, offset, bytes.len()) {
            return Err(SimError::ReadFault { offset });
        }
        for (number, into, range) in pieces::<ERASE>(offset, bytes.len()) {
            let sector = &self.sectors[number];
            if self.rules.torn_units_unreadable {
                let (first, end) = (into / WRITE, (into + range.len()).div_ceil(WRITE));
                if let Some(unit) =
                    sector.units[first..end].iter().position(|unit| *unit == Unit::Torn)
                {
                    return Err(SimError::Unreadable {
                        offset: (number * ERASE + (first + unit) * WRITE) as u32,
                    });
                }
            }
            bytes[range.clone()].copy_from_slice(&sector.data[into..into + range.len()]);
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.sectors.len() * ERASE
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash
    for NorSim<READ, WRITE, ERASE>
{
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimError> {
        if self.is_off() {
            return Err(SimError::NoPower);
        }
        let checked = match to.checked_sub(from) {
            Some(len) => self
                .check(from, len as usize, ERASE)
                .and_then(|()| self.check_protection(from, len as usize)),
            None => Err(SimError::OutOfBounds { offset: from, len: 0 }),
        };
        self.refuse(checked)?;
        (from as usize / ERASE..to as usize / ERASE)
            .try_for_each(|number| self.erase_sector(number))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimError> {
        if self.is_off() {
            return Err(SimError::NoPower);
        }
        let checked = self.check_write(offset, bytes);
        self.refuse(checked)?;
        let cut = self.begin(|| Operation::Write { offset, data: bytes.to_vec() });
        self.counters.writes += 1;
        self.counters.bytes_written += bytes.len() as u64;
        let position = cut.unwrap_or(POSITIONS);
        let (whole, torn) = self.torn_part(offset as usize, bytes.len(), position);
        for (sector, into, range) in pieces::<ERASE>(offset, whole) {
            Arc::make_mut(&mut self.sectors[sector]).write(into, &bytes[range]);
        }
        let mut random = self.random(position);
        for start in (whole..torn).step_by(WRITE) {
            let at = offset as usize + start;
            let unit = &bytes[start..start + WRITE];
            Arc::make_mut(&mut self.sectors[at / ERASE]).tear_unit(at % ERASE, unit, &mut random);
        }
        cut.map_or(Ok(()), |_| Err(SimError::NoPower))
    }
}
