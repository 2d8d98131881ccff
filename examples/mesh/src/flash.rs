//! The flash of a simulated device, with the rules of flash, in a file: it survives the process.

use core::cell::RefCell;
use core::ops::Range;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::rc::Rc;

use anyhow::{ensure, Result};
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use flashdelta_sim::{NorSim, Rules, SimError};

pub(crate) const SECTOR: u32 = 4096;
const UNIT: usize = 4;

type Sim = NorSim<1, UNIT, { SECTOR as usize }>;

/// Lent to everything that has to do with it at the same time, as a driver behind a mutex would be.
#[derive(Clone, Debug)]
pub(crate) struct Flash(Rc<RefCell<Chip>>);

#[derive(Debug)]
struct Chip {
    sim: Sim,
    file: File,
}

impl Flash {
    /// The flash in a file, of whole sectors.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path)?;
        ensure!(bytes.len().is_multiple_of(SECTOR as usize), "{}: half a sector", path.display());
        // Chunks come in any order.
        let mut rules = Rules::default();
        rules.ascending = false;
        let mut sim = Sim::new(bytes.len() / SECTOR as usize).rules(rules);
        // What is blank may be written.
        for (at, unit) in (0..).step_by(UNIT).zip(bytes.chunks(UNIT)) {
            if unit.iter().any(|byte| *byte != 0xFF) {
                sim.load(at, unit)?;
            }
        }
        let file = File::options().write(true).open(path)?;
        Ok(Self(Rc::new(RefCell::new(Chip { sim, file }))))
    }

    pub(crate) fn contents(&self, range: Range<u32>) -> Vec<u8> {
        self.0.borrow().sim.contents(range)
    }
}

impl Chip {
    fn keep(&self, range: Range<u32>) {
        let bytes = self.sim.contents(range.clone());
        // Without its file the simulation is over.
        self.file.write_all_at(&bytes, range.start.into()).expect("the file of the flash fails");
    }
}

impl ErrorType for Flash {
    type Error = SimError;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimError> {
        self.0.borrow_mut().sim.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.borrow().sim.capacity()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = UNIT;
    const ERASE_SIZE: usize = SECTOR as usize;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimError> {
        let mut chip = self.0.borrow_mut();
        chip.sim.erase(from, to)?;
        chip.keep(from..to);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimError> {
        let mut chip = self.0.borrow_mut();
        chip.sim.write(offset, bytes)?;
        chip.keep(offset..offset + bytes.len() as u32);
        Ok(())
    }
}
