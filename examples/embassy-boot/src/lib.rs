//! A firmware updater for [embassy-boot] that takes deltas.
//!
//! embassy-boot always runs the image in ACTIVE, and swaps it with the one in DFU when STATE says
//! so. So the old image of a patch is ACTIVE, the new one goes to DFU, and the boot selection is
//! `mark_updated`. The bootloader tries the new image once: [`confirm`] keeps it.
//!
//! [`update`] is a task: it takes the patch from a channel, piece by piece, whatever brings it (a
//! radio, a socket, a serial line), and lets other tasks run after every few milliseconds of flash.
//!
//! [embassy-boot]: https://docs.embassy.dev/embassy-boot

#![no_std]

mod error;
mod piece;

use core::cell::RefCell;

use embassy_boot::{BlockingFirmwareState, State};
use embassy_embedded_hal::flash::partition::BlockingPartition;
use embassy_futures::yield_now;
use embassy_sync::blocking_mutex::raw::{NoopRawMutex, RawMutex};
use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::channel::Receiver;
use embedded_storage::nor_flash::NorFlash;
use flashdelta::apply::ApplyOptions;
use flashdelta::nor::{NorNew, NorOld, Slot};
use flashdelta::update::ab::{AbUpdate, BootSelection, Verified};

pub use error::UpdateError;
pub use piece::{Piece, PIECE};

/// The flash that the partitions are in, as embassy's drivers share it.
pub type Flash<F> = Mutex<NoopRawMutex, RefCell<F>>;

/// Where embassy-boot's partitions are: the symbols `__bootloader_..._start` and `_end` of its
/// `memory.x`.
#[derive(Clone, Copy, Debug)]
pub struct Partitions {
    /// The image that runs.
    pub active: Slot,
    /// The next one; a page longer than `active`, which the bootloader needs for swapping.
    pub dfu: Slot,
    /// What the bootloader is to do.
    pub state: Slot,
}

/// Bytes of flash between two chances for other tasks to run.
const BUDGET: u32 = 4096;

/// The write unit of STATE, at most.
const UNIT: usize = 64;

/// Takes a patch, and has the bootloader try the image that it makes. Restart afterwards.
///
/// `workspace`: what the patch needs, 15 KiB for `flashdelta diff --ram 16KiB`.
///
/// # Errors
///
/// [`UpdateError`]. The image that runs is what starts next, whatever the error.
pub async fn update<F: NorFlash, M: RawMutex, const N: usize>(
    flash: &Flash<F>,
    partitions: Partitions,
    workspace: &mut [u8],
    options: ApplyOptions,
    pieces: Receiver<'_, M, Piece, N>,
) -> Result<(), UpdateError> {
    let mut bootloader = Bootloader { flash, state: partitions.state };
    // Until then DFU is what it goes back to.
    if bootloader.state()? != State::Boot {
        return Err(UpdateError::NotConfirmed);
    }
    let running = partition(flash, partitions.active);
    let next = partition(flash, partitions.dfu);
    let old = NorOld::new(running, 0, partitions.active.len).map_err(|_| UpdateError::Layout)?;
    // No more than ACTIVE can take: the last page of DFU stays free.
    let new = NorNew::new(next, 0, partitions.active.len).map_err(|_| UpdateError::Layout)?;
    let mut update = AbUpdate::new(workspace, old, new, bootloader, options);
    loop {
        let piece = pieces.receive().await;
        let (mut bytes, mut at) = (piece.bytes(), update.progress().taken);
        if bytes.is_empty() {
            break;
        }
        loop {
            let progress = update.feed_within(bytes, BUDGET).map_err(UpdateError::apply)?;
            bytes = bytes.get(progress.taken.wrapping_sub(at) as usize..).unwrap_or_default();
            at = progress.taken;
            if bytes.is_empty() && !progress.pending {
                break;
            }
            yield_now().await;
        }
    }
    update.finish().map(drop).map_err(UpdateError::finish)
}

/// The image that runs works: the bootloader keeps it. To be called once it has shown that it can
/// be updated again.
///
/// # Errors
///
/// [`UpdateError::State`].
pub fn confirm<F: NorFlash>(flash: &Flash<F>, state: Slot) -> Result<(), UpdateError> {
    Bootloader { flash, state }.with(|state| state.mark_booted())
}

/// What embassy-boot is told through the state partition.
struct Bootloader<'a, F> {
    flash: &'a Flash<F>,
    state: Slot,
}

impl<F: NorFlash> Bootloader<'_, F> {
    fn state(&mut self) -> Result<State, UpdateError> {
        self.with(|state| state.get_state())
    }

    fn with<T>(
        &mut self,
        work: impl FnOnce(
            &mut BlockingFirmwareState<'_, BlockingPartition<'_, NoopRawMutex, F>>,
        ) -> Result<T, embassy_boot::FirmwareUpdaterError>,
    ) -> Result<T, UpdateError> {
        let mut memory = Aligned([0; UNIT]);
        let unit = memory.0.get_mut(..F::WRITE_SIZE).ok_or(UpdateError::Layout)?;
        let mut state = BlockingFirmwareState::new(partition(self.flash, self.state), unit);
        work(&mut state).map_err(|_| UpdateError::State)
    }
}

impl<F: NorFlash> BootSelection for Bootloader<'_, F> {
    type Error = UpdateError;

    fn select(&mut self, _: &Verified) -> Result<(), UpdateError> {
        self.with(|state| state.mark_updated())
    }
}

/// Some drivers want words.
#[repr(align(4))]
struct Aligned([u8; UNIT]);

fn partition<F: NorFlash>(flash: &Flash<F>, slot: Slot) -> BlockingPartition<'_, NoopRawMutex, F> {
    BlockingPartition::new(flash, slot.start, slot.len)
}
