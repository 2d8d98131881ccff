//! A NOR flash that enforces the rules: erase before write, every unit written once, alignment. It can lose power in the middle of any
//! operation, which then leaves random bits.

use core::fmt;

use super::Random;
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

/// What the flash complains about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    NotAligned,
    OutOfBounds,
    /// A unit was written that was not erased before, or twice.
    NotErased,
    PowerLoss,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl NorFlashError for Fault {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            _ => NorFlashErrorKind::Other,
        }
    }
}

pub struct Nor<const READ: usize, const WRITE: usize, const ERASE: usize> {
    pub data: Vec<u8>,
    /// Which units are erased.
    erased: Vec<bool>,
    /// Bytes that may be erased or written before the power goes.
    pub fuel: Option<usize>,
    pub erases: usize,
    pub writes: usize,
    random: Random,
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Nor<READ, WRITE, ERASE> {
    /// A flash full of old data.
    pub fn new(len: usize) -> Self {
        assert!(len.is_multiple_of(ERASE) && ERASE.is_multiple_of(WRITE));
        let data = Random(42).bytes(len);
        Self { data, erased: vec![false; len / WRITE], fuel: None, erases: 0, writes: 0, random: Random(1) }
    }

    /// How many of `len` bytes can be changed before the power goes.
    fn burn(&mut self, len: usize) -> (usize, Result<(), Fault>) {
        let Some(fuel) = &mut self.fuel else { return (len, Ok(())) };
        let done = len.min(*fuel);
        *fuel -= done;
        (done, if done < len { Err(Fault::PowerLoss) } else { Ok(()) })
    }

    fn check(&self, from: usize, to: usize, unit: usize) -> Result<(), Fault> {
        if !from.is_multiple_of(unit) || !to.is_multiple_of(unit) {
            return Err(Fault::NotAligned);
        }
        if to > self.data.len() || from > to {
            Err(Fault::OutOfBounds)
        } else {
            Ok(())
        }
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ErrorType for Nor<READ, WRITE, ERASE> {
    type Error = Fault;
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash for Nor<READ, WRITE, ERASE> {
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Fault> {
        let (from, to) = (offset as usize, offset as usize + bytes.len());
        self.check(from, to, READ)?;
        bytes.copy_from_slice(&self.data[from..to]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.data.len()
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash for Nor<READ, WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Fault> {
        let (from, to) = (from as usize, to as usize);
        self.check(from, to, ERASE)?;
        self.erases += 1;
        let (done, result) = self.burn(to - from);
        for at in from..from + done {
            self.data[at] = 0xFF;
        }
        if result.is_err() {
            // Half erased: anything may stand there.
            for at in from + done..to {
                self.data[at] |= self.random.next() as u8;
            }
        }
        self.erased[from / WRITE..to / WRITE].fill(result.is_ok());
        result
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Fault> {
        let (from, to) = (offset as usize, offset as usize + bytes.len());
        self.check(from, to, WRITE)?;
        let units = &mut self.erased[from / WRITE..to / WRITE];
        if !units.iter().all(|erased| *erased) {
            return Err(Fault::NotErased);
        }
        units.fill(false);
        self.writes += 1;
        let (done, result) = self.burn(bytes.len());
        self.data[from..from + done].copy_from_slice(&bytes[..done]);
        if result.is_err() && done < bytes.len() {
            self.data[from + done] &= bytes[done] | self.random.next() as u8;
        }
        result
    }
}
