//! Updates from slot to slot up to the boot selection, and SHA-256 by another implementation.

use core::cell::RefCell;

use crate::common::slots::{flash_with, update, workspace, Flash, SMALL};
use crate::common::with_own_digest;
use flashdelta::apply::{Applier, ApplyOptions, Sha256Engine};
use flashdelta::diff::DeviceProfile;
use flashdelta::nor::{slots, Slot};
use flashdelta::update::ab::{AbError, AbUpdate, Verified};
use flashdelta::{apply, diff, Codec, DiffOptions};
use sha2::Digest as _;

/// An A/B update, and how often it has come to the boot selection.
fn ab(
    flash: &RefCell<Flash>,
    pieces: &[&[u8]],
    boot: Result<(), &'static str>,
) -> (usize, Result<(), String>) {
    let (old, new) = slots(flash, SMALL, Slot::new(SMALL.len, SMALL.len), []).unwrap();
    let mut selected = 0;
    let select = |_: &Verified| {
        selected += 1;
        boot
    };
    let mut workspace = [0; 16 << 10];
    let mut update = AbUpdate::new(&mut workspace, old, new, select, ApplyOptions::default());
    let fed = pieces.iter().try_for_each(|piece| update.feed(piece).map(|_| ()));
    let result = match fed {
        Ok(()) => update.finish().map(|_| ()).map_err(|error| match error {
            AbError::Boot(error) => error.to_owned(),
            AbError::Apply(error) => format!("{error:?}"),
            error => format!("{error:?}"),
        }),
        Err(error) => Err(format!("{error:?}")),
    };
    (selected, result)
}

#[test]
fn only_what_is_complete_and_right_is_selected() {
    let update = update(Codec::Model, 8, 9000);
    let flash = RefCell::new(flash_with::<4, 8, 4096>(&update.old, SMALL));
    let patch = &update.patch[..];
    let (selected, result) = ab(&flash, &[&patch[..patch.len() - 1]], Ok(()));
    assert_eq!(selected, 0);
    assert!(result.unwrap_err().contains("Truncated"));
    assert_eq!(ab(&flash, &[patch], Err("the boot record cannot be written")).0, 1);
    let writes = flash.borrow().counters().writes;
    assert_eq!(ab(&flash, &[patch], Ok(())), (1, Ok(())));
    assert_eq!(flash.borrow().counters().writes, writes, "the image was complete");
    assert!(flash.borrow().holds(SMALL.len, &update.new));
}

#[test]
fn a_patch_with_bytes_behind_its_end_is_not_selected() {
    let update = update(Codec::Model, 8, 9000);
    let flash = RefCell::new(flash_with::<4, 8, 4096>(&update.old, SMALL));
    let longer = [&update.patch[..], &[0]].concat();
    let (end, after) = longer.split_at(update.patch.len());
    for pieces in [&[&longer[..]][..], &[end, after]] {
        let (selected, result) = ab(&flash, pieces, Ok(()));
        assert_eq!(selected, 0);
        assert_eq!(result, Err(format!("TrailingInput {{ expected: {} }}", end.len())));
    }
    assert_eq!(ab(&flash, &[end, &[]], Ok(())), (1, Ok(())));
}

/// Counts what goes through it, as a hardware unit would compute it.
struct Engine<'a>(&'a mut usize);

impl Sha256Engine for Engine<'_> {
    type Message = sha2::Sha256;

    fn start(&mut self) -> sha2::Sha256 {
        sha2::Sha256::default()
    }

    fn update(&mut self, message: &mut sha2::Sha256, bytes: &[u8]) {
        *self.0 += bytes.len();
        message.update(bytes);
    }

    fn digest(&mut self, message: &mut sha2::Sha256, digest: &mut [u8; 32]) -> bool {
        *digest = core::mem::take(message).finalize().into();
        false
    }
}

#[test]
fn another_sha_256_is_used_for_both_images() {
    let update = update(Codec::Model, 1, 9000);
    let (mut workspace, mut slot, mut hashed) =
        (workspace(&update.patch), vec![0; update.new.len()], 0);
    let sha = Engine(&mut hashed);
    let options = ApplyOptions::default();
    let mut applier =
        Applier::with_sha256(&mut workspace, &update.old[..], &mut slot[..], options, sha);
    applier.feed(&update.patch).unwrap();
    applier.finish().unwrap();
    assert_eq!(hashed, update.old.len() + update.new.len());
    assert_eq!(slot, update.new);
}

#[test]
fn a_digest_at_the_end_of_the_new_image_costs_nothing() {
    let update = update(Codec::Model, 1, 9008);
    let ([_, old], [bare, new]) = (with_own_digest(&update.old), with_own_digest(&update.new));
    let [bare, whole] =
        [&bare, &new].map(|new| diff::diff(&old, new, &DiffOptions::new()).unwrap());
    assert!(whole.header.has_own_digest && !bare.header.has_own_digest);
    assert!(whole.bytes.len() <= bare.bytes.len() + 1);
    assert_eq!(apply::apply(&old, &whole.bytes).unwrap(), new);
    // Small appliers cannot compute it.
    let patch = diff::diff(&old, &new, &DiffOptions::new().codec(Codec::Lz4)).unwrap();
    assert!(!patch.header.has_own_digest);
    // Pages of which the digest does not start one: it is like any other content.
    let mut profile = DeviceProfile::default();
    profile.page = 32;
    let patch = diff::diff(&old, &new, &DiffOptions::new().profile(profile)).unwrap();
    assert!(!patch.header.has_own_digest);
    assert_eq!(apply::apply(&old, &patch.bytes).unwrap(), new);
}

#[test]
fn a_hardware_unit_hashes_an_image_with_its_own_digest_twice() {
    let update = update(Codec::Model, 1, 9008);
    let [bare, new] = with_own_digest(&update.new);
    let patch = diff::diff(&update.old, &new, &DiffOptions::new()).unwrap().bytes;
    let (mut workspace, mut slot, mut hashed) = (workspace(&patch), vec![0; new.len()], 0);
    let sha = Engine(&mut hashed);
    let options = ApplyOptions::default();
    let mut applier =
        Applier::with_sha256(&mut workspace, &update.old[..], &mut slot[..], options, sha);
    let progress = applier.feed(&patch).unwrap();
    assert!(progress.done && progress.written == progress.total);
    applier.finish().unwrap();
    assert_eq!(hashed, update.old.len() + bare.len() + new.len());
    assert_eq!(slot, new);
}
