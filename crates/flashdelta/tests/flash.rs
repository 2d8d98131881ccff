//! Updates between two slots of a NOR flash.

mod common;

use core::cell::RefCell;

use common::flash::{Fault, Nor};
use common::{code_like, edited, Random};
use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use flashdelta::apply::nor::{NorNew, NorOld, Shared, SharedError, SlotError};
use flashdelta::apply::{Applier, ApplyError, ApplyOptions};
use flashdelta::diff::{diff, DeviceProfile, DiffOptions};
use flashdelta::{Codec, PatchHeader};

const SLOT: u32 = 64 << 10;

struct Update {
    old: Vec<u8>,
    new: Vec<u8>,
    patch: Vec<u8>,
}

fn update(codec: Codec, page: u32, len: usize) -> Update {
    let mut random = Random(u64::from(page));
    let old = code_like(&mut random, len);
    let new = edited(&mut random, &old, 12);
    let mut profile = DeviceProfile::small();
    profile.page = page;
    let patch = diff(&old, &new, &DiffOptions::new().profile(profile).codec(codec)).unwrap().bytes;
    Update { old, new, patch }
}

type Failure<E> = ApplyError<SlotError<SharedError<E>>, SlotError<SharedError<E>>>;

/// Applies a patch from the first slot to the second.
fn run<F: NorFlash>(flash: &RefCell<F>, patch: &[u8]) -> Result<(), Failure<F::Error>> {
    let old = NorOld::new(Shared(flash), 0, SLOT).unwrap();
    let new = NorNew::new(Shared(flash), SLOT, SLOT).unwrap();
    let mut workspace = vec![0; PatchHeader::parse(patch).unwrap().unwrap().workspace_len()];
    let mut applier = Applier::new(&mut workspace, old, new, ApplyOptions::default());
    for piece in patch.chunks(100) {
        applier.feed(piece)?;
    }
    applier.finish().map(|_| ())
}

fn geometry<const READ: usize, const WRITE: usize, const ERASE: usize>(codec: Codec) {
    let update = update(codec, WRITE as u32, 20_001);
    let mut flash = Nor::<READ, WRITE, ERASE>::new(2 * SLOT as usize);
    flash.data[..update.old.len()].copy_from_slice(&update.old);
    let before = flash.data.clone();
    let flash = RefCell::new(flash);
    run(&flash, &update.patch).unwrap();
    let flash = flash.into_inner();
    let (slot, len) = (SLOT as usize, update.new.len());
    assert_eq!(flash.data[slot..][..len], update.new);
    assert_eq!(flash.data[..slot], before[..slot], "the old image is untouched");
    let end = slot + len.next_multiple_of(ERASE);
    assert_eq!(flash.data[end..], before[end..], "sectors behind the image are untouched");
    assert!(flash.data[slot + len..end].iter().all(|b| *b == 0xFF));
    assert_eq!(flash.erases, len.div_ceil(ERASE), "every sector is erased once");
}

#[test]
fn flashes_of_many_geometries() {
    for codec in [Codec::Raw, Codec::Lz4, Codec::Model] {
        geometry::<1, 1, 4096>(codec);
        geometry::<1, 4, 4096>(codec);
        geometry::<4, 4, 4096>(codec);
        geometry::<4, 8, 2048>(codec);
        geometry::<1, 16, 256>(codec);
        geometry::<4, 32, 4096>(codec);
        geometry::<64, 64, 65536>(codec);
    }
}

#[test]
fn an_update_can_start_again_after_a_power_loss_anywhere() {
    let update = update(Codec::Model, 8, 9000);
    let total = 9000 * 2 + 4096;
    for fuel in (0..total).step_by(61) {
        let mut flash = Nor::<1, 8, 4096>::new(2 * SLOT as usize);
        flash.data[..update.old.len()].copy_from_slice(&update.old);
        flash.fuel = Some(fuel);
        let flash = RefCell::new(flash);
        match run(&flash, &update.patch) {
            Ok(()) => assert!(fuel > 9000 * 2 - 1000),
            Err(ApplyError::Write { error: SlotError::Flash(SharedError::Flash(Fault::PowerLoss)), .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
        assert_eq!(flash.borrow().data[..update.old.len()], update.old);
        flash.borrow_mut().fuel = None;
        run(&flash, &update.patch).unwrap();
        assert_eq!(flash.borrow().data[SLOT as usize..][..update.new.len()], update.new);
    }
}

#[test]
fn a_coarser_flash_than_the_patch_was_made_for_is_refused() {
    let update = update(Codec::Raw, 4, 3000);
    let mut flash = Nor::<1, 32, 4096>::new(2 * SLOT as usize);
    flash.data[..update.old.len()].copy_from_slice(&update.old);
    let flash = RefCell::new(flash);
    assert_eq!(run(&flash, &update.patch), Err(ApplyError::Granularity { patch: 4, device: 32 }));
    assert_eq!((flash.borrow().erases, flash.borrow().writes), (0, 0));
}

#[test]
fn slots_have_to_lie_in_the_flash() {
    let flash = || Nor::<1, 4, 4096>::new(65536);
    assert!(NorNew::new(flash(), 0, 65536).is_ok());
    assert_eq!(NorNew::new(flash(), 4096, 65536).err(), Some(SlotError::Geometry));
    assert_eq!(NorNew::new(flash(), 100, 4096).err(), Some(SlotError::Geometry));
    assert_eq!(NorNew::new(flash(), 0, 5000).err(), Some(SlotError::Geometry));
    assert_eq!(NorOld::new(flash(), 1, 65536).err(), Some(SlotError::Geometry));
    assert_eq!(NorOld::new(flash(), u32::MAX, 2).err(), Some(SlotError::Geometry));
    assert!(NorOld::new(flash(), 1, 65535).is_ok());
    assert_eq!(flash().capacity(), 65536);
}
