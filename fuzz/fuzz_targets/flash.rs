//! An A/B update in a simulated NOR flash: a hostile patch, power that is cut anywhere, then the
//! right patch. The flash is never used against its rules, the old slot stays, and nothing is
//! selected but the right image.
#![no_main]

use core::cell::RefCell;

use arbitrary::Arbitrary;
use flashdelta::apply::ApplyOptions;
use flashdelta::diff::{diff, DeviceProfile};
use flashdelta::nor::{slots, Slot};
use flashdelta::update::ab::{AbUpdate, Verified};
use flashdelta::{Codec, DiffOptions, PatchHeader};
use flashdelta_fuzz::{seal, sha256};
use flashdelta_sim::{Cut, NorSim, SimError};
use libfuzzer_sys::fuzz_target;

type Flash = NorSim<4, 8, 1024>;
const OLD: Slot = Slot::new(0, 8 << 10);
const NEW: Slot = Slot::new(8 << 10, 8 << 10);

#[derive(Arbitrary, Debug)]
struct Case {
    codec: u8,
    old: Vec<u8>,
    new: Vec<u8>,
    edits: Vec<(u16, u8)>,
    cut_short: Option<u16>,
    piece: u8,
    power: Option<(u16, u8)>,
    seed: u64,
}

/// Whether the image was selected. The digest of what is selected is that of the header.
fn update(flash: &RefCell<Flash>, patch: &[u8], piece: usize) -> Option<Verified> {
    let (old, new) = slots(flash, OLD, NEW, []).expect("the slots fit");
    let header = PatchHeader::parse(patch).ok().flatten();
    let len = header.map_or(2048, |header| header.workspace_len().min(1 << 17));
    let (mut workspace, mut selected) = (vec![0; len], None);
    let select = |verified: &Verified| {
        selected = Some(*verified);
        Ok::<(), ()>(())
    };
    let mut update = AbUpdate::new(&mut workspace, old, new, select, ApplyOptions::default());
    let fed = patch.chunks(piece).try_for_each(|piece| update.feed(piece).map(drop));
    if fed.is_ok() {
        let _ = update.finish();
    }
    selected
}

fuzz_target!(|case: Case| {
    let (old, new) = (&case.old, &case.new);
    if old.len() > OLD.len as usize || new.len() > NEW.len as usize {
        return;
    }
    let mut profile = DeviceProfile::small();
    profile.page = 8;
    profile.codecs = vec![Codec::Raw, Codec::Model];
    let codec = profile.codecs[usize::from(case.codec) % 2];
    let options = DiffOptions::new().profile(profile).codec(codec).effort(1).threads(1);
    let patch = diff(old, new, &options).expect("16 KiB suffice").bytes;
    let mut hostile = patch.clone();
    for (at, value) in &case.edits {
        let at = usize::from(*at) % hostile.len();
        hostile[at] ^= value;
    }
    hostile.truncate(case.cut_short.map_or(usize::MAX, usize::from));
    seal(&mut hostile);
    let mut flash = Flash::used(16, case.seed);
    flash.load(0, old).expect("it fits");
    flash.protect(0..OLD.len);
    if let Some((operation, position)) = case.power {
        flash.cut_at(Cut { operation: u64::from(operation), position: position % 16 });
    }
    let flash = RefCell::new(flash);
    let check = |selected: Option<Verified>| {
        let flash = flash.borrow();
        let broken: Vec<&SimError> =
            flash.violations().iter().filter(|error| error.is_violation()).collect();
        assert!(broken.is_empty(), "{broken:?}");
        assert!(flash.holds(0, old), "the old image is there");
        if let Some(selected) = selected {
            let image = flash.contents(OLD.len..OLD.len + selected.size);
            assert_eq!(sha256(&image), selected.sha256);
        }
    };
    let piece = usize::from(case.piece) + 1;
    check(update(&flash, &hostile, piece));
    flash.borrow_mut().power_on();
    let selected = update(&flash, &patch, piece);
    assert!(selected.is_some(), "the right patch is applied after whatever was before");
    check(selected);
});
