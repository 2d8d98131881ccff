//! A bootloader with two slots.

use super::storage::Storage;

/// What a bootloader with two slots remembers: which of them it starts, and whether the image there
/// is on trial.
///
/// It is in a place of its own that is written as a whole, as the bootloader's craft has it: it has
/// no [cuts](Storage::cut_after) of its own. Put it beside the flash, as the second of two
/// storages.
///
/// ```
/// use flashdelta_sim::world::Bootloader;
///
/// let mut bootloader = Bootloader::new();
/// assert_eq!(bootloader.boot(), 0);
/// bootloader.select(1);
/// assert_eq!(bootloader.boot(), 1);
/// // It did not confirm that it works.
/// assert_eq!(bootloader.boot(), 0);
///
/// bootloader.select(1);
/// assert_eq!(bootloader.boot(), 1);
/// bootloader.confirm();
/// assert_eq!(bootloader.boot(), 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bootloader {
    /// The slot whose image is known to work.
    good: u8,
    /// The slot that is started once.
    tries: Option<u8>,
    runs: u8,
}

impl Bootloader {
    /// One that starts slot 0.
    pub const fn new() -> Self {
        Self { good: 0, tries: None, runs: 0 }
    }

    /// The node starts: which slot runs. One that is on trial runs once.
    pub fn boot(&mut self) -> u8 {
        self.runs = self.tries.take().unwrap_or(self.good);
        self.runs
    }

    /// The slot that runs.
    pub fn runs(&self) -> u8 {
        self.runs
    }

    /// Starts this slot next, once.
    pub fn select(&mut self, slot: u8) {
        self.tries = Some(slot);
    }

    /// What runs works: it is started from now on.
    pub fn confirm(&mut self) {
        self.good = self.runs;
        self.tries = None;
    }

    /// Starts this slot from now on: its image is known to work.
    pub fn go_back(&mut self, slot: u8) {
        self.good = slot;
        self.tries = None;
    }
}

impl Storage for Bootloader {
    fn cut_after(&mut self, _after: u64, _position: u8) {}

    fn is_off(&self) -> bool {
        false
    }

    fn power_on(&mut self) {}
}
