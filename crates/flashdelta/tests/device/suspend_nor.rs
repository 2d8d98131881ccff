//! What going on does to a slot of NOR flash, and what it does not.

use core::cell::Cell;
use core::convert::Infallible;

use crate::common::slots::{update, workspace};
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use flashdelta::apply::{Applier, ApplyError, ApplyOptions, ResumeError};
use flashdelta::nor::{NorNew, SlotError};
use flashdelta::Codec;
use flashdelta_sim::{NorSim, SimError};

type Sim = NorSim<1, 8, 1024>;

const SECTORS: usize = 8;

/// A flash that cannot be read for a while.
struct Moody<'f> {
    flash: &'f mut Sim,
    is_mute: &'f Cell<bool>,
}

impl ErrorType for Moody<'_> {
    type Error = SimError;
}

impl ReadNorFlash for Moody<'_> {
    const READ_SIZE: usize = Sim::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimError> {
        if self.is_mute.get() {
            return Err(SimError::Unreadable { offset });
        }
        self.flash.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl NorFlash for Moody<'_> {
    const WRITE_SIZE: usize = Sim::WRITE_SIZE;
    const ERASE_SIZE: usize = Sim::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimError> {
        self.flash.erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimError> {
        self.flash.write(offset, bytes)
    }
}

fn reader(bytes: &[u8]) -> impl FnMut(u32, &mut [u8]) -> Result<(), Infallible> + '_ {
    |offset, buf| {
        buf.copy_from_slice(&bytes[offset as usize..offset as usize + buf.len()]);
        Ok(())
    }
}

fn slot<'f>(flash: &'f mut Sim, is_mute: &'f Cell<bool>, erases_all: bool) -> NorNew<Moody<'f>> {
    let new = NorNew::new(Moody { flash, is_mute }, 0, (SECTORS * 1024) as u32).unwrap();
    if erases_all {
        new.erase_all()
    } else {
        new
    }
}

/// An update that is suspended in the middle of a sector, and refused twice before it goes on: as
/// the flash cannot be read, and as the old image is another one. Gives the wear of the sectors.
fn goes_on_at_last(erases_all: bool) -> Vec<u32> {
    let made = update(Codec::Lz4, 1, 6000);
    let (mut sim, is_mute) = (Sim::used(SECTORS, 1), Cell::new(false));
    let options = ApplyOptions::default();
    let mut memory = workspace(&made.patch);
    let mut applier =
        Applier::new(&mut memory, &made.old[..], slot(&mut sim, &is_mute, erases_all), options);
    let (mut kept, mut taken) = (Vec::new(), 0);
    // In the second sector, and not at its start.
    while !(1500..1900).contains(&applier.progress().written) {
        let end = made.patch.len().min(taken + 1);
        taken = applier.feed_within(&made.patch[taken..end], 200).unwrap().taken as usize;
    }
    applier
        .suspend(|bytes| {
            kept.extend_from_slice(bytes);
            Ok::<_, Infallible>(())
        })
        .unwrap();
    drop(applier);
    let (before, len) = (sim.operations(), kept.len() as u32);

    let mut applier =
        Applier::new(&mut memory, &made.old[..], slot(&mut sim, &is_mute, erases_all), options);
    is_mute.set(true);
    let refused = applier.resume(len, reader(&kept), None).unwrap_err();
    assert!(matches!(refused, ResumeError::New(SlotError::Flash(_))), "{refused:?}");
    assert_eq!(refused.code(), "read-new");
    is_mute.set(false);
    drop(applier);
    let mut changed = made.old.clone();
    changed[17] ^= 1;
    let mut applier =
        Applier::new(&mut memory, &changed[..], slot(&mut sim, &is_mute, erases_all), options);
    let refused = applier.resume(len, reader(&kept), None).unwrap_err();
    assert!(matches!(refused, ResumeError::Apply(ApplyError::OldMismatch { .. })), "{refused:?}");
    drop(applier);
    assert_eq!(sim.operations(), before, "what is refused changes nothing");

    let mut applier =
        Applier::new(&mut memory, &made.old[..], slot(&mut sim, &is_mute, erases_all), options);
    is_mute.set(true);
    applier.resume(len, reader(&kept), None).unwrap_err();
    is_mute.set(false);
    let progress = applier.resume(len, reader(&kept), None).unwrap();
    assert_eq!(progress.taken as usize, taken);
    applier.feed(&made.patch[taken..]).unwrap();
    applier.finish().unwrap();
    assert!(sim.holds(0, &made.new));
    assert_eq!(sim.violations(), []);
    sim.wear().to_vec()
}

#[test]
fn what_is_refused_changes_nothing_and_can_be_gone_on_with_later() {
    goes_on_at_last(false);
    // The sector under way is erased again, as nobody knows what was done to it.
    let wear = goes_on_at_last(true);
    assert!(wear[0] == 1 && wear[1] == 2, "{wear:?}");
}
