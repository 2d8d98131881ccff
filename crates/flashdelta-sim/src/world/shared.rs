//! A flash that a program and its node have in common.

use core::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

use super::storage::Storage;
use crate::error::SimError;
use crate::flash::NorSim;

/// A flash that a program and its node have in common: for programs that hold a driver of it.
#[derive(Clone, Debug)]
pub struct SharedFlash<const READ: usize, const WRITE: usize, const ERASE: usize>(
    Rc<RefCell<NorSim<READ, WRITE, ERASE>>>,
);

impl<const READ: usize, const WRITE: usize, const ERASE: usize> SharedFlash<READ, WRITE, ERASE> {
    /// Shares a flash.
    pub fn new(flash: NorSim<READ, WRITE, ERASE>) -> Self {
        Self(Rc::new(RefCell::new(flash)))
    }

    /// The flash.
    pub fn borrow(&self) -> Ref<'_, NorSim<READ, WRITE, ERASE>> {
        self.0.borrow()
    }

    /// The flash, to be tampered with.
    pub fn borrow_mut(&self) -> RefMut<'_, NorSim<READ, WRITE, ERASE>> {
        self.0.borrow_mut()
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ErrorType
    for SharedFlash<READ, WRITE, ERASE>
{
    type Error = SimError;
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash
    for SharedFlash<READ, WRITE, ERASE>
{
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimError> {
        self.borrow_mut().read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.borrow().capacity()
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash
    for SharedFlash<READ, WRITE, ERASE>
{
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimError> {
        self.borrow_mut().erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimError> {
        self.borrow_mut().write(offset, bytes)
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Storage
    for SharedFlash<READ, WRITE, ERASE>
{
    fn cut_after(&mut self, after: u64, position: u8) {
        self.borrow_mut().cut_after(after, position);
    }

    fn is_off(&self) -> bool {
        self.borrow().is_off()
    }

    fn power_on(&mut self) {
        self.borrow_mut().power_on();
    }
}
