//! Flashes that are not like NOR in all: erased to zeros, not to be erased at all, with sectors of
//! several sizes, and two chips that have nothing in common.

use core::ops::Range;

use crate::common::slots::{patch, update, workspace, Update};
use flashdelta::apply::{Applier, ApplyOptions, NewImage, OldImage};
use flashdelta::nor::{Flash, NorNew, NorOld, NorStats, ReadFlash};
use flashdelta::Codec;
use flashdelta_sim::NorSim;

/// 128 KiB of flash by the rules of its driver.
#[derive(Clone)]
struct Odd {
    bytes: Vec<u8>,
    unit: usize,
    /// What the driver calls a sector.
    sector: usize,
    /// The sectors that there are; none: nothing is ever erased.
    sectors: Vec<Range<usize>>,
    /// What erased bytes read as.
    erased: u8,
    /// Whether all sectors within what is called one are erased, or only that which starts there.
    erases_all: bool,
}

impl Odd {
    const SIZE: usize = 128 << 10;

    fn new(unit: usize, sector: usize, erased: u8) -> Self {
        let sectors = (0..Self::SIZE).step_by(sector).map(|at| at..at + sector).collect();
        let bytes = vec![0x5A; Self::SIZE];
        Self { bytes, unit, sector, sectors, erased, erases_all: true }
    }
}

impl ReadFlash for Odd {
    type Error = &'static str;

    fn size(&self) -> usize {
        Self::SIZE
    }

    fn read_unit(&self) -> usize {
        1
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), &'static str> {
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }
}

impl Flash for Odd {
    fn write_unit(&self) -> usize {
        self.unit
    }

    fn sector(&self) -> usize {
        self.sector
    }

    fn erase_at(&mut self, offset: u32) -> Result<(), &'static str> {
        let (start, erased) = (offset as usize, self.erased);
        let end = if self.erases_all { start + self.sector } else { start + 1 };
        for sector in self.sectors.iter().filter(|it| it.start < end && start < it.end) {
            self.bytes[sector.clone()].fill(erased);
        }
        Ok(())
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> Result<(), &'static str> {
        let here = &mut self.bytes[offset as usize..][..bytes.len()];
        if !(offset as usize).is_multiple_of(self.unit) || !here.len().is_multiple_of(self.unit) {
            return Err("not whole units");
        }
        // As an STM32L0 does, with NOTZEROERR.
        if !self.sectors.is_empty() && here.iter().any(|byte| *byte != self.erased) {
            return Err("not erased");
        }
        here.copy_from_slice(bytes);
        Ok(())
    }
}

fn apply<O: OldImage, N: NewImage>(patch: &[u8], old: O, new: N) -> Result<(O, N), String>
where
    O::Error: core::fmt::Debug,
    N::Error: core::fmt::Debug,
{
    let mut workspace = workspace(patch);
    let mut applier = Applier::new(&mut workspace, old, new, ApplyOptions::default());
    for piece in patch.chunks(64) {
        applier.feed(piece).map_err(|error| format!("{error:?}"))?;
    }
    applier.finish().map_err(|error| format!("{error:?}"))
}

/// Makes the new image at the start of the flash.
fn run(flash: Odd, update: &Update) -> Result<(Odd, NorStats), String> {
    let new = NorNew::new(flash, 0, Odd::SIZE as u32).map_err(|error| format!("{error:?}"))?;
    let (_, new) = apply(&update.patch, &update.old[..], new)?;
    let stats = new.stats();
    Ok((new.into_inner().0, stats))
}

#[test]
fn flash_that_is_erased_to_zeros() {
    for (unit, sector) in [(4, 128), (64, 4096), (8, 2048)] {
        let update = update(Codec::Model, unit as u32, 20_001);
        let (flash, stats) = run(Odd::new(unit, sector, 0), &update).unwrap();
        assert!(flash.bytes.starts_with(&update.new));
        assert_eq!(stats.erases as usize, update.new.len().div_ceil(sector));
        // The same once more: all is kept but the last sector, the end of which is not 0xFF.
        let sectors = stats.erases;
        let (again, stats) = run(flash.clone(), &update).unwrap();
        assert_eq!((stats.kept, stats.erases), (sectors - 1, 2), "unit {unit}, sector {sector}");
        assert!(again.bytes.starts_with(&update.new));
    }
}

/// RRAM and MRAM are written over.
#[test]
fn memory_that_is_never_erased() {
    let update = update(Codec::Model, 16, 20_000);
    let mut flash = Odd::new(16, 4096, 0xFF);
    flash.sectors.clear();
    for _ in 0..2 {
        flash = run(flash, &update).unwrap().0;
        assert!(flash.bytes.starts_with(&update.new));
    }
}

/// 4 sectors of 16 KiB and one of 64 KiB, as many an STM32F4 has them.
#[test]
fn sectors_of_several_sizes() {
    let update = update(Codec::Model, 4, 100_000);
    let mut flash = Odd::new(4, 64 << 10, 0xFF);
    flash.sectors = (0..4)
        .map(|i| i << 14..(i + 1) << 14)
        .chain(core::iter::once(64 << 10..128 << 10))
        .collect();
    // A driver that calls the largest a sector, and erases all that are in it.
    let (done, stats) = run(flash.clone(), &update).unwrap();
    assert!(done.bytes.starts_with(&update.new));
    assert_eq!(stats.erases, 2);
    // One that erases only the first of them: that is found out.
    flash.erases_all = false;
    let error = run(flash.clone(), &update).map(|(_, stats)| stats).unwrap_err();
    assert!(error.contains("not erased"), "{error}");
    // One that calls the smallest a sector: what was written goes with the large one, and the
    // read-back says so, if nothing before it does.
    flash.sector = 16 << 10;
    run(flash, &update).map(|(_, stats)| stats).unwrap_err();
}

#[test]
fn two_chips() {
    let Update { old, new, .. } = update(Codec::Model, 1, 20_003);
    let patch = patch(&old, &new, Codec::Model, 1);
    let mut inner = NorSim::<4, 16, 8192>::used(4, 1);
    inner.load(0, &old).unwrap();
    inner.protect(0..4 * 8192);
    let outer = NorSim::<1, 1, 512>::used(64, 2);
    let old = NorOld::new(inner, 0, 4 * 8192).unwrap();
    let (old, made) = apply(&patch, old, NorNew::new(outer, 0, 64 * 512).unwrap()).unwrap();
    let (outer, _) = made.into_inner();
    assert!(outer.holds(0, &new));
    assert_eq!((old.into_inner().violations(), outer.violations()), (&[][..], &[][..]));
}
