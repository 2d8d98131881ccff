//! The updater over a simulated flash, with embassy-boot itself as the bootloader.

use core::cell::RefCell;

use embassy_boot::{BootLoader, BootLoaderConfig, State};
use embassy_embedded_hal::flash::partition::BlockingPartition;
use embassy_futures::block_on;
use embassy_futures::join::join;
use embassy_futures::select::{select, Either};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use flashdelta::apply::{ApplyOptions, ErrorClass};
use flashdelta::nor::Slot;
use flashdelta::{diff, DiffOptions};
use flashdelta_embassy_boot::{confirm, update, Flash, Partitions, Piece, UpdateError};
use flashdelta_sim::{Cut, NorSim, Rules};

type Chip = NorSim<1, 4, 4096>;

const PAGE: u32 = 4096;
const PARTITIONS: Partitions = Partitions {
    active: Slot::new(2 * PAGE, 16 * PAGE),
    dfu: Slot::new(18 * PAGE, 17 * PAGE),
    state: Slot::new(0, 2 * PAGE),
};

/// Two images of a Cortex-M, and the patch between them.
struct Release {
    old: Vec<u8>,
    new: Vec<u8>,
    patch: Vec<u8>,
}

fn release() -> Release {
    let read = |version: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/firmware");
        std::fs::read(format!("{folder}/cortex-m-{version}.bin")).expect("no test data")
    };
    let (old, new) = (read("1.0"), read("1.1"));
    let patch = diff::diff(&old, &new, &DiffOptions::new().ram(16 << 10)).expect("no patch").bytes;
    Release { old, new, patch }
}

/// A device that runs this image, and whose flash was in use.
fn device(image: &[u8]) -> Flash<Chip> {
    // embassy-boot marks its progress void by a unit before those of the progress.
    let mut rules = Rules::default();
    rules.ascending = false;
    let mut chip = Chip::used(35, 1).rules(rules);
    chip.load(PARTITIONS.active.start, image).expect("it fits");
    let flash = Flash::new(RefCell::new(chip));
    confirm(&flash, PARTITIONS.state).expect("a new device");
    flash
}

/// Sends a patch in pieces, and applies it meanwhile.
fn apply(flash: &Flash<Chip>, patch: &[u8]) -> Result<(), UpdateError> {
    let channel = Channel::<NoopRawMutex, Piece, 2>::new();
    let sender = async {
        for piece in patch.chunks(200) {
            channel.send(Piece::new(piece).expect("a short piece")).await;
        }
        channel.send(Piece::END).await;
    };
    let mut workspace = vec![0; 15 << 10];
    let options = ApplyOptions::default();
    let updater = update(flash, PARTITIONS, &mut workspace, options, channel.receiver());
    // An updater that has failed takes no more pieces.
    match block_on(select(updater, join(sender, core::future::pending::<()>()))) {
        Either::First(result) => result,
        Either::Second(_) => unreachable!("the sender waits"),
    }
}

/// A reset: embassy-boot swaps the partitions if it was asked to, or swaps back.
fn reset(flash: &Flash<Chip>) -> State {
    flash.lock(|chip| chip.borrow_mut().power_on());
    let part = |slot: Slot| BlockingPartition::<NoopRawMutex, _>::new(flash, slot.start, slot.len);
    let mut bootloader = BootLoader::new(BootLoaderConfig {
        active: part(PARTITIONS.active),
        dfu: part(PARTITIONS.dfu),
        state: part(PARTITIONS.state),
    });
    bootloader.prepare_boot(&mut [0; 4]).expect("the bootloader starts something")
}

fn runs(flash: &Flash<Chip>, image: &[u8]) -> bool {
    flash.lock(|chip| chip.borrow().holds(PARTITIONS.active.start, image))
}

#[test]
fn an_update_is_tried_and_confirmed() {
    let Release { old, new, patch } = release();
    let flash = device(&old);
    assert_eq!(apply(&flash, &patch), Ok(()));
    assert!(runs(&flash, &old), "nothing changes before the reset");
    assert_eq!(reset(&flash), State::Swap);
    assert!(runs(&flash, &new));
    // Until it has confirmed itself, DFU is what the bootloader goes back to.
    assert_eq!(apply(&flash, &patch), Err(UpdateError::NotConfirmed));
    confirm(&flash, PARTITIONS.state).expect("it can be confirmed");
    assert_eq!(reset(&flash), State::Boot);
    assert!(runs(&flash, &new));
}

#[test]
fn an_image_that_does_not_confirm_itself_is_gone() {
    let Release { old, new, patch } = release();
    let flash = device(&old);
    assert_eq!(apply(&flash, &patch), Ok(()));
    reset(&flash);
    assert!(runs(&flash, &new));
    reset(&flash);
    assert!(runs(&flash, &old));
}

#[test]
fn wrong_and_damaged_patches_are_never_tried() {
    let Release { old, new, patch } = release();
    let flash = device(&new);
    let before = flash.lock(|chip| chip.borrow().operations());
    let refused = UpdateError::Patch(ErrorClass::WrongBase, "old-mismatch");
    assert_eq!(apply(&flash, &patch), Err(refused));
    assert_eq!(flash.lock(|chip| chip.borrow().operations()), before, "nothing was written");

    let flash = device(&old);
    for at in (0..patch.len()).step_by(101) {
        assert!(apply(&flash, &patch[..at]).is_err(), "the link was lost at {at}");
        let mut damaged = patch.clone();
        damaged[at] ^= 0x10;
        if apply(&flash, &damaged).is_ok() {
            panic!("byte {at} does not matter");
        }
        assert_eq!(reset(&flash), State::Boot);
        assert!(runs(&flash, &old));
    }
    assert_eq!(apply(&flash, &patch), Ok(()));
    reset(&flash);
    assert!(runs(&flash, &new));
}

/// At operations of the whole update, the ones that tell the bootloader included.
#[test]
fn power_cuts_do_no_harm() {
    let Release { old, new, patch } = release();
    let whole = device(&old);
    let first = whole.lock(|chip| chip.borrow().operations());
    assert_eq!(apply(&whole, &patch), Ok(()));
    let last = whole.lock(|chip| chip.borrow().operations());
    assert!(last - first > 100);
    let mut tried = 0;
    // All of those at the end, by which the bootloader is told.
    for operation in (first..last).filter(|at| at % 13 == 0 || at + 8 > last) {
        let flash = device(&old);
        let cut = Cut { operation, position: (operation % 17) as u8 };
        flash.lock(|chip| chip.borrow_mut().cut_at(cut));
        assert!(apply(&flash, &patch).is_err(), "{cut}");
        let state = reset(&flash);
        if state == State::Swap {
            tried += 1;
        } else {
            assert!(runs(&flash, &old), "{cut}");
            confirm(&flash, PARTITIONS.state).expect("it can be confirmed");
            assert_eq!(apply(&flash, &patch), Ok(()), "{cut}");
            reset(&flash);
        }
        assert!(runs(&flash, &new), "{cut}");
    }
    assert!(tried <= 1);
}
