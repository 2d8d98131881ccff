//! Updates in one slot: they end in the right image whatever is cut, within the wear that is
//! promised, and are refused before anything is written if they cannot be.

use core::cell::RefCell;

use crate::common::in_place::{Bench, Outcome};
use crate::common::{testdata, with_own_digest};
use flashdelta::diff::{diff, DeviceProfile, DiffError, DiffOptions};
use flashdelta::facts::InPlaceFacts;
use flashdelta::nor::{Records, Slot};
use flashdelta::update::in_place::{is_unfinished, InPlaceError, InPlaceLayout, InPlaceUpdate};
use flashdelta::{apply, PatchHeader};
use flashdelta_sim::{NorSim, Rules, POSITIONS};

/// What a device with one slot offers.
struct Device {
    ram: u32,
    sector: u32,
    page: u32,
    /// Sectors that the slot has beyond the longer image.
    room: u32,
    scratch: u32,
}

impl Device {
    fn small() -> Self {
        Self { ram: 16 << 10, sector: 4096, page: 16, room: 1, scratch: 1 }
    }

    fn options(&self, old: &[u8], new: &[u8]) -> DiffOptions {
        let mut profile = DeviceProfile::small();
        (profile.ram, profile.sector, profile.page) = (self.ram, self.sector, self.page);
        let longer = old.len().max(new.len()) as u32;
        profile.slot = longer.next_multiple_of(self.sector) + self.room * self.sector;
        profile.scratch = self.scratch;
        DiffOptions::new().profile(profile).in_place(true)
    }

    fn patch(&self, old: &[u8], new: &[u8]) -> Vec<u8> {
        diff(old, new, &self.options(old, new)).unwrap().bytes
    }
}

fn well(outcome: Outcome) -> Outcome {
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    assert!(outcome.wear[0] <= 2, "{:?}", outcome.wear);
    outcome
}

fn pair() -> (Vec<u8>, Vec<u8>) {
    (testdata("firmware/cortex-m-1.0.bin"), testdata("firmware/cortex-m-1.1.bin"))
}

#[test]
fn an_image_is_updated_where_it_is() {
    let (old, new) = pair();
    for (room, scratch) in [(1, 0), (0, 1), (1, 1), (3, 0), (2, 4), (16, 0)] {
        let device = Device { room, scratch, ..Device::small() };
        // Forth and back: the image grows, and shrinks.
        for (old, new) in [(&old, &new), (&new, &old), (&old, &old)] {
            let patch = device.patch(old, new);
            // Between two slots it is as any other patch.
            assert!(apply::apply(old, &patch).unwrap() == *new, "{room} {scratch}");
            let rules = Rules::default();
            let mut bench = Bench::<4, 4, 4096>::new(old, new, &patch, rules, 1);
            let outcome = well(bench.run());
            assert!(outcome.operations > 0);
            let header = PatchHeader::parse(&patch).unwrap().unwrap();
            let facts = InPlaceFacts::of(&header).unwrap();
            let told = [facts.slot_erases, facts.scratch_erases, facts.journal_erases];
            let is_told = outcome.wear.iter().zip(told).all(|(found, most)| *found <= most);
            // And it is no wild guess.
            let is_close = outcome.wear.iter().zip(told).all(|(found, most)| 2 * found + 2 >= most);
            assert!(is_told && is_close, "{room} {scratch}: {:?}, {told:?}", outcome.wear);
        }
    }
}

#[test]
fn whatever_is_cut_the_update_goes_on_to_the_new_image() {
    let (old, new) = pair();
    // A part of the images, so that every cut of the update can be tried.
    let (old, new) = (&old[..6000], &new[..6600]);
    let device = Device { ram: 4 << 10, sector: 512, page: 8, room: 2, scratch: 1 };
    let patch = device.patch(old, new);
    let mut rules = Rules::default();
    rules.torn_units_unreadable = true;
    let mut bench = Bench::<1, 8, 512>::new(old, new, &patch, rules, 7);
    let outcome = well(bench.cuts((0, 1), 300, 3));
    assert_eq!(outcome.cuts, outcome.operations as u64 * (u64::from(POSITIONS) + 1));
    assert!(outcome.double >= 300);
    println!("{outcome:?}");
}

#[test]
fn cuts_of_a_whole_update() {
    let (old, new) = pair();
    let device = Device { room: 1, scratch: 2, ..Device::small() };
    let patch = device.patch(&old, &new);
    let mut bench = Bench::<4, 4, 4096>::new(&old, &new, &patch, Rules::default(), 5);
    let outcome = well(bench.cuts((3, 101), 40, 9));
    println!("{outcome:?}");
}

#[test]
fn the_digest_at_the_end_of_an_image_may_be_in_a_sector_of_its_own() {
    let (old, new) = pair();
    // All of the body lies in whole sectors, and only the digest after them.
    let [_, old] = with_own_digest(&old[..20000]);
    let new = &new[..20480 + 16];
    let [bare, new] = with_own_digest(new);
    assert_eq!(bare.len() % 16, 0);
    for sector in [256, 4096] {
        let device = Device { ram: 4 << 10, sector, ..Device::small() };
        let patch = device.patch(&old, &new);
        assert!(PatchHeader::parse(&patch).unwrap().unwrap().has_own_digest);
        let mut bench = Bench::<1, 16, 256>::new(&old, &new, &patch, Rules::default(), 2);
        well(bench.cuts((1, 211), 10, 4));
    }
}

#[test]
fn a_device_without_room_is_told_what_would_do() {
    let (old, new) = pair();
    let device = Device { room: 0, scratch: 0, ..Device::small() };
    let refused = diff(&old, &new, &device.options(&old[..0], &old)).unwrap_err();
    let needed = (new.len() as u64).next_multiple_of(4096);
    let slot = (old.len() as u32).next_multiple_of(4096);
    assert_eq!(refused, DiffError::SlotTooSmall { slot, needed, scratch: 0 });
    // One sector to spare, in the slot or apart from it, is the least.
    let needed = u64::from(slot) + 4096;
    let refused = diff(&old, &old, &device.options(&old, &old)).unwrap_err();
    assert_eq!(refused, DiffError::SlotTooSmall { slot, needed, scratch: 0 });
    for (room, scratch) in [(1, 0), (0, 1)] {
        let device = Device { room, scratch, ..Device::small() };
        diff(&old, &old, &device.options(&old, &old)).unwrap();
    }
    // What cannot be told in a patch is no patch for two slots.
    for (sector, room, scratch) in [(65_536, 1, 40_000), (65_536, 40_000, 0), (65_536, 0, 32_768)] {
        let device = Device { sector, room, scratch, ..Device::small() };
        let refused = diff(&old, &old, &device.options(&old, &old)).unwrap_err();
        let what = "in one slot, room and scratch area must be less than 2 GiB";
        assert_eq!(refused, DiffError::BadProfile { what }, "{room} {scratch}");
    }
}

/// A flash with the old image and this record in its journal; and where everything is.
fn with_record(
    old: &[u8],
    patch: &[u8],
    record: &[u8],
) -> (RefCell<NorSim<4, 4, 4096>>, InPlaceLayout) {
    let header = PatchHeader::parse(patch).unwrap().unwrap();
    let order = header.in_place().unwrap();
    let slot = Slot::new(0, order.slot_len(header.old_size, header.new_size));
    let scratch = Slot::new(slot.len, order.scratch() * order.sector());
    let journal = Slot::new(scratch.start + scratch.len, InPlaceLayout::journal_len(&header, 4096));
    let mut flash = NorSim::used((journal.start + journal.len) as usize / 4096, 1);
    flash.load(0, old).unwrap();
    let mut records = Records::new(&mut flash, journal.start, journal.len).unwrap();
    let mut writer = records.write(record.len() as u32).unwrap();
    writer.put(record).unwrap();
    writer.commit().unwrap();
    (RefCell::new(flash), InPlaceLayout { slot, scratch, journal })
}

#[test]
fn a_record_that_is_not_known_is_of_an_unfinished_update() {
    let (old, new) = pair();
    let patch = Device::small().patch(&old, &new);
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    let front = &patch[..header.body_offset() as usize];
    let mut workspace = vec![0; header.workspace_len()];
    let kind = |kind: u8| [&[kind][..], &[0; 15]].concat();
    for record in [kind(0), kind(4), [&[3, 1][..], &[0; 14]].concat(), vec![3, 0, 0, 0], vec![]] {
        let (flash, layout) = with_record(&old, &patch, &record);
        assert_eq!(is_unfinished(&mut *flash.borrow_mut(), layout.journal), Ok(true));
        let refused =
            InPlaceUpdate::begin(&flash, layout, &mut workspace, front, Default::default());
        assert_eq!(refused.err(), Some(InPlaceError::OtherVersion), "{record:?}");
        assert!(flash.borrow().holds(0, &old));
    }
    let (flash, layout) = with_record(&old, &patch, &kind(3));
    assert_eq!(is_unfinished(&mut *flash.borrow_mut(), layout.journal), Ok(false));
    InPlaceUpdate::begin(&flash, layout, &mut workspace, front, Default::default()).unwrap();
}

#[test]
fn what_is_not_moved_is_not_moved_for_ever() {
    let (old, new) = pair();
    let patch = Device { room: 0, scratch: 1, ..Device::small() }.patch(&old, &old);
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    assert_eq!(header.in_place().unwrap().moved_by(), 0);
    let checksum = &patch[header.header_len as usize - 4..header.header_len as usize];
    let record = [&[1, 0, 0, 0][..], checksum, &[0; 8]].concat();
    let (flash, layout) = with_record(&old, &patch, &record);
    let front = &patch[..header.body_offset() as usize];
    let mut workspace = vec![0; header.workspace_len()];
    // The old image is where it was, so that the update can go on.
    InPlaceUpdate::begin(&flash, layout, &mut workspace, front, Default::default()).unwrap();
    // And if it is none, it is refused.
    let (flash, layout) = with_record(&new, &patch, &record);
    let begun = InPlaceUpdate::begin(&flash, layout, &mut workspace, front, Default::default());
    assert!(begun.is_err());
}
