//! Updates between two slots of a NOR flash.

use core::cell::RefCell;

use crate::common::slots::{flash_with, patch, update, workspace, Flash, SMALL};
use crate::common::{code_like, edited, Random};
use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use flashdelta::apply::{Applier, ApplyError, ApplyOptions, NewImage as _};
use flashdelta::diff::{diff, DiffOptions};
use flashdelta::nor::{
    self, slots, NorNew, NorOld, NorStats, ReadFlash, Shared, SharedError, Slot, SlotError,
};
use flashdelta::Codec;
use flashdelta_sim::{NorSim, SimError};

type Error = SlotError<SharedError<SimError>>;
type Failure = ApplyError<Error, Error>;

fn feed<F: NorFlash<Error = SimError>, B: AsMut<[u8]>>(
    old: NorOld<Shared<'_, F>>,
    new: NorNew<Shared<'_, F>, B>,
    patch: &[u8],
) -> Result<NorStats, Failure> {
    let mut workspace = workspace(patch);
    let mut applier = Applier::new(&mut workspace, old, new, ApplyOptions::default());
    for piece in patch.chunks(100) {
        applier.feed(piece)?;
    }
    applier.finish().map(|(_, new)| new.stats())
}

/// Applies a patch from the first half to the second.
fn run<const READ: usize, const WRITE: usize, const ERASE: usize>(
    flash: &RefCell<NorSim<READ, WRITE, ERASE>>,
    patch: &[u8],
    buffer: usize,
) -> Result<NorStats, Failure> {
    let len = flash.borrow().wear().len() / 2 * ERASE;
    // A buffer of words, or it might not be aligned.
    let mut words = vec![0u32; buffer / 4];
    let buffer = bytemuck::cast_slice_mut(&mut words);
    let slot = |start: usize| Slot::new(start as u32, len as u32);
    let (old, new) = slots(flash, slot(0), slot(len), buffer).unwrap();
    feed(old, new, patch)
}

fn geometry<const READ: usize, const WRITE: usize, const ERASE: usize>(
    codec: Codec,
    page: u32,
    buffer: usize,
) {
    let update = update(codec, page, 20_001);
    let len = update.new.len();
    let slot = Slot::new(0, (len.next_multiple_of(ERASE) + ERASE) as u32);
    let flash = flash_with::<READ, WRITE, ERASE>(&update.old, slot);
    let before = flash.clone();
    let flash = RefCell::new(flash);
    let stats = run(&flash, &update.patch, buffer).unwrap();
    let after = flash.borrow().clone();
    assert_eq!(after.violations(), []);
    assert!(after.holds(slot.len, &update.new));
    let end = slot.len as usize + len.next_multiple_of(ERASE);
    assert!(after.contents(slot.len + len as u32..end as u32).iter().all(|byte| *byte == 0xFF));
    let (first, last) = (slot.len as usize / ERASE, end / ERASE);
    for (sector, erases) in after.wear().into_iter().enumerate() {
        assert_eq!(erases, u32::from((first..last).contains(&sector)), "sector {sector}");
        assert!(erases == 1 || after.shares_sector(&before, sector));
    }
    let counters = after.counters();
    assert_eq!(
        (stats.erases, stats.kept, stats.writes, stats.bytes_written),
        (counters.erases as u32, 0, counters.writes as u32, counters.bytes_written as u32)
    );

    // The same once more: nothing to do.
    let stats = run(&flash, &update.patch, buffer).unwrap();
    assert_eq!((stats.erases, stats.writes, stats.kept), (0, 0, (last - first) as u32));
    assert_eq!(flash.borrow().counters().writes, counters.writes);
}

#[test]
fn flashes_of_many_geometries() {
    for codec in [Codec::Raw, Codec::Lz4, Codec::Model] {
        geometry::<1, 1, 4096>(codec, 16, 0);
        geometry::<1, 4, 4096>(codec, 4, 0);
        geometry::<4, 4, 4096>(codec, 256, 4096);
        geometry::<4, 8, 2048>(codec, 8, 0);
        geometry::<1, 16, 256>(codec, 16, 0);
        geometry::<4, 32, 4096>(codec, 32, 0);
        geometry::<64, 64, 65536>(codec, 64, 0);
    }
}

#[test]
fn patches_for_other_write_units_than_those_of_the_flash() {
    for codec in [Codec::Raw, Codec::Model] {
        // Smaller ones: units are put together.
        geometry::<1, 32, 4096>(codec, 1, 0);
        geometry::<8, 64, 1024>(codec, 16, 1024);
        geometry::<1, 256, 4096>(codec, 16, 512);
        geometry::<128, 512, 8192>(codec, 4, 8192 + 512);
        // Larger ones: pages are taken apart.
        geometry::<1, 4, 256>(codec, 4096, 0);
        geometry::<4, 16, 128>(codec, 1024, 0);
        // Units that are no powers of two.
        geometry::<3, 12, 3072>(codec, 16, 0);
        geometry::<24, 48, 480>(codec, 8, 480);
    }
}

#[test]
fn a_sector_that_differs_late_keeps_its_start() {
    let update = update(Codec::Raw, 8, 20_000);
    let sectors = update.new.len().div_ceil(4096) as u32;
    for (buffer, erases) in [(0, 3), (4096, 1), (2048, 1), (1024, 3)] {
        let mut flash = flash_with::<4, 8, 4096>(&update.old, SMALL);
        flash.load(SMALL.len, &update.new).unwrap();
        flash
            .load(
                SMALL.len + update.new.len() as u32,
                &vec![0xFF; sectors as usize * 4096 - update.new.len()],
            )
            .unwrap();
        // One byte is wrong, in the middle of the third sector, on behalf of a buffer that holds
        // what is before it or not.
        let wrong = 2 * 4096 + 1600;
        flash.load(SMALL.len + wrong, &[!update.new[wrong as usize]]).unwrap();
        let flash = RefCell::new(flash);
        let stats = run(&flash, &update.patch, buffer).unwrap();
        assert_eq!((stats.erases, buffer), (erases, buffer));
        let kept = if erases == 1 { sectors - 1 } else { sectors - 2 };
        assert_eq!((stats.kept, buffer), (kept, buffer));
        let flash = flash.into_inner();
        assert!(flash.holds(SMALL.len, &update.new));
        assert_eq!(flash.violations(), []);
        assert!(flash.wear().iter().all(|erases| *erases <= 2));
    }
}

#[test]
fn what_stands_behind_the_image_in_its_last_sector_is_erased() {
    let update = update(Codec::Raw, 8, 20_000);
    for buffer in [0, 4096] {
        let mut flash = flash_with::<4, 8, 4096>(&update.old, SMALL);
        flash.load(SMALL.len, &update.new).unwrap();
        let flash = RefCell::new(flash);
        let stats = run(&flash, &update.patch, buffer).unwrap();
        // In the buffer, or with the help of the sector after.
        assert_eq!(stats.erases, if buffer > 0 { 1 } else { 2 });
        let flash = flash.into_inner();
        assert!(flash.holds(SMALL.len, &update.new));
        let len = update.new.len() as u32;
        let after = flash.contents(SMALL.len + len..SMALL.len + len.next_multiple_of(4096));
        assert!(after.iter().all(|byte| *byte == 0xFF));
    }
}

#[test]
fn the_last_sector_of_the_slot_needs_a_buffer_to_be_kept() {
    let old = code_like(&mut Random(1), 16384);
    let new = edited(&mut Random(2), &old, 5);
    let new = [&new[..], &[1; 4096]].concat()[..16384].to_vec();
    let patch = patch(&old, &new, Codec::Raw, 8);
    let slot = Slot::new(0, 16384);
    for (buffer, erases) in [(0, 1), (2048, 1), (4096, 0)] {
        let flash = RefCell::new(flash_with::<4, 8, 4096>(&old, slot));
        assert_eq!(run(&flash, &patch, buffer).unwrap().erases, 4);
        assert_eq!(run(&flash, &patch, buffer).unwrap().erases, erases, "buffer {buffer}");
        assert!(flash.borrow().holds(16384, &new));
    }
}

#[test]
fn whoever_wants_every_sector_erased_gets_it() {
    let update = update(Codec::Raw, 8, 20_000);
    let flash = RefCell::new(flash_with::<4, 8, 4096>(&update.old, SMALL));
    for _ in 0..2 {
        let (old, new) = slots(&flash, SMALL, Slot::new(SMALL.len, SMALL.len), []).unwrap();
        let stats = feed(old, new.erase_all(), &update.patch).unwrap();
        assert_eq!((stats.kept, stats.erases), (0, update.new.len().div_ceil(4096) as u32));
    }
}

#[test]
fn a_slot_can_be_used_for_one_update_after_the_other() {
    let old = code_like(&mut Random(3), 12_000);
    let images = [4, 5, 6].map(|seed| edited(&mut Random(seed), &old, 9));
    let flash = RefCell::new(flash_with::<4, 8, 4096>(&old, SMALL));
    let mut new = NorNew::new(Shared(&flash), SMALL.len, SMALL.len).unwrap();
    for image in &images {
        let patch = patch(&old, image, Codec::Raw, 8);
        let mut workspace = workspace(&patch);
        let old = NorOld::new(Shared(&flash), 0, SMALL.len).unwrap();
        let mut applier = Applier::new(&mut workspace, old, new, ApplyOptions::default());
        applier.feed(&patch).unwrap();
        new = applier.finish().unwrap().1;
        assert!(flash.borrow().holds(SMALL.len, image));
    }
    assert_eq!(flash.borrow().violations(), []);
}

#[test]
fn bytes_that_wait_for_their_unit_can_be_read() {
    let mut new = NorNew::new(NorSim::<1, 32, 256>::used(4, 1), 256, 768).unwrap();
    let bytes: Vec<u8> = (0..100).collect();
    new.write(0, &bytes[..40]).unwrap();
    new.write(40, &bytes[40..]).unwrap();
    for (from, to) in [(0, 100), (0, 96), (90, 100), (96, 100), (97, 98), (10, 50)] {
        let mut found = vec![0; to - from];
        new.read(from as u32, &mut found).unwrap();
        assert_eq!(found, bytes[from..to], "{from}..{to}");
    }
    assert_eq!(new.stats().bytes_written, 96);
    new.flush().unwrap();
    assert_eq!(new.stats().bytes_written, 128);
    assert!(new.flash().holds(256, &[&bytes[..], &[0xFF; 156]].concat()));
    assert_eq!(new.write(99, &[1]), Err(SlotError::OutOfOrder));
    assert_eq!(new.write(700, &[0; 69]), Err(SlotError::OutOfSlot));
    assert_eq!(new.read(768, &mut [0]), Err(SlotError::OutOfSlot));
}

#[test]
fn slots_have_to_lie_in_the_flash() {
    type Flash = NorSim<4, 4, 4096>;
    let flash = || Flash::new(16);
    assert!(NorNew::new(flash(), 0, 65536).is_ok());
    assert_eq!(NorNew::new(flash(), 4096, 65536).err(), Some(SlotError::Geometry));
    assert_eq!(NorNew::new(flash(), 100, 4096).err(), Some(SlotError::Geometry));
    assert_eq!(NorNew::new(flash(), 0, 5000).err(), Some(SlotError::Geometry));
    assert_eq!(NorOld::new(flash(), 1, 65532).err(), Some(SlotError::Geometry));
    assert_eq!(NorOld::new(flash(), 4, 65536).err(), Some(SlotError::Geometry));
    assert_eq!(NorOld::new(flash(), u32::MAX, 2).err(), Some(SlotError::Geometry));
    assert!(NorOld::new(flash(), 4, 65531).is_ok(), "the last unit is read whole");
    assert_eq!(
        NorOld::new(NorSim::<1024, 4, 4096>::new(1), 0, 4096).err(),
        Some(SlotError::Geometry)
    );
    let large = NorSim::<1, 256, 4096>::new(1);
    assert_eq!(
        NorNew::new(large.clone(), 0, 4096).err(),
        Some(SlotError::BufferTooSmall { needed: 512 })
    );
    assert!(NorNew::with_buffer(large, 0, 4096, [0; 512]).is_ok());
    let flash = RefCell::new(flash());
    let overlap = |other| slots(&flash, Slot::new(4096, 4096), other, []).err();
    assert_eq!(overlap(Slot::new(0, 4096)), None);
    assert_eq!(overlap(Slot::new(8192, 4096)), None);
    assert_eq!(overlap(Slot::new(0, 8192)), Some(SlotError::Overlap));
    assert_eq!(overlap(Slot::new(4096, 8192)), Some(SlotError::Overlap));
}

#[test]
fn reads_are_few_and_fewer_with_more_workspace() {
    let [old, new] = ["1.0", "1.1"]
        .map(|version| crate::common::testdata(&format!("firmware/cortex-m-{version}.bin")));
    let patch = diff(&old, &new, &DiffOptions::new().ram(16 << 10)).unwrap().bytes;
    let slot = Slot::new(0, 64 << 10);
    let reads = [0, 2048].map(|extra| {
        let flash = RefCell::new(flash_with::<1, 4, 4096>(&old, slot));
        let (old, new) = slots(&flash, slot, Slot::new(slot.len, slot.len), []).unwrap();
        let mut workspace = vec![0; workspace(&patch).len() + extra];
        let mut applier = Applier::new(&mut workspace, old, new, ApplyOptions::default());
        applier.feed(&patch).unwrap();
        applier.finish().unwrap();
        let counters = flash.borrow().counters();
        (counters.reads, counters.bytes_read / counters.reads)
    });
    // What the documentation of `nor` says, with some room for other patches.
    assert!(reads[0].0 < 900 && reads[0].1 > 200, "{reads:?}");
    assert!(reads[1].0 < 350 && reads[1].1 > 600, "{reads:?}");
}

/// A driver that learns the units of its flash when the program runs.
struct Probed<'a> {
    chip: &'a RefCell<Flash>,
    units: [usize; 3],
}

impl ReadFlash for Probed<'_> {
    type Error = SimError;

    fn size(&self) -> usize {
        self.chip.borrow().capacity()
    }

    fn read_unit(&self) -> usize {
        self.units[0]
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimError> {
        self.chip.borrow_mut().read(offset, bytes)
    }
}

impl nor::Flash for Probed<'_> {
    fn write_unit(&self) -> usize {
        self.units[1]
    }

    fn sector(&self) -> usize {
        self.units[2]
    }

    fn erase_at(&mut self, offset: u32) -> Result<(), SimError> {
        let end = offset + self.units[2] as u32;
        self.chip.borrow_mut().erase(offset, end)
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimError> {
        self.chip.borrow_mut().write(offset, bytes)
    }
}

#[test]
fn flash_whose_units_are_known_only_at_run_time() {
    let update = update(Codec::Model, 1, 20_000);
    // Units may be larger than they have to be.
    for units in [[4, 8, 4096], [64, 16, 8192]] {
        let chip = RefCell::new(flash_with::<4, 8, 4096>(&update.old, SMALL));
        let probed = || Probed { chip: &chip, units };
        for keeps in [false, true] {
            let old = NorOld::new(probed(), 0, SMALL.len).unwrap();
            let new = NorNew::new(probed(), SMALL.len, SMALL.len).unwrap();
            let mut workspace = workspace(&update.patch);
            let mut applier = Applier::new(&mut workspace, old, new, ApplyOptions::default());
            applier.feed(&update.patch).unwrap();
            let (_, new) = applier.finish().unwrap();
            let sectors = update.new.len().div_ceil(units[2]) as u32;
            let expected = if keeps { (0, sectors) } else { (sectors, 0) };
            assert_eq!((new.stats().erases, new.stats().kept), expected);
        }
        assert!(chip.borrow().holds(SMALL.len, &update.new));
        assert_eq!(chip.borrow().violations(), []);
    }
}

/// Starts the update again after every cut of the one that finds `other` in the slot; without any
/// trick.
fn cuts_of_an_update_over(other: impl Fn(&[u8]) -> Vec<u8>, buffer: usize) {
    type Flash = NorSim<4, 8, 1024>;
    let update = update(Codec::Raw, 8, 6000);
    let slot = Slot::new(0, 8192);
    let mut start: Flash = flash_with(&update.old, slot);
    start.load(slot.len, &other(&update.new)).unwrap();
    let flash = RefCell::new(start.clone());
    flash.borrow_mut().record();
    run(&flash, &update.patch, buffer).unwrap();
    let recorded = flash.borrow_mut().recorded();
    assert!(!recorded.is_empty());
    for (cut, flash) in start.cuts(&recorded) {
        let before = flash.wear();
        let flash = RefCell::new(flash);
        run(&flash, &update.patch, buffer).unwrap_or_else(|error| panic!("{cut}: {error}"));
        let flash = flash.into_inner();
        assert!(flash.holds(slot.len, &update.new), "{cut}");
        assert_eq!(flash.violations(), [], "{cut}");
        let erases =
            flash.wear().into_iter().zip(before).map(|(after, before)| after - before).max();
        assert!(erases <= Some(if buffer < 1024 { 2 } else { 1 }), "{cut}");
    }
}

#[test]
fn updates_over_much_of_the_same_image_survive_cuts() {
    for buffer in [0, 512, 1024] {
        // One byte differs, late in a sector, or in every sector; one sector is missing.
        let change = |places: &'static [usize]| {
            move |new: &[u8]| {
                let mut other = new.to_vec();
                places.iter().for_each(|place| other[*place] ^= 0x10);
                other
            }
        };
        cuts_of_an_update_over(change(&[3 * 1024 - 1]), buffer);
        cuts_of_an_update_over(change(&[700, 2000, 2500, 3300, 4096 + 8, 6000]), buffer);
        cuts_of_an_update_over(|new| [&new[..2048], &[0xFF; 1024], &new[3072..]].concat(), buffer);
        // Every sector holds the start of the one before: what the spare sector leaves behind is
        // right by chance.
        cuts_of_an_update_over(|new| [new, new].concat()[..8192].to_vec(), buffer);
    }
}
