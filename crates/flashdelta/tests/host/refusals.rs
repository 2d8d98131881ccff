//! What is refused before the first byte is written, and what it says.

use crate::common::{edited, Random};
use flashdelta::apply::{
    apply, Applier, ApplyError, ApplyOptions, NewFile, NewImage, OldFile, OutOfBounds,
};
use flashdelta::diff::{diff, DeviceProfile, DiffError, DiffOptions};
use flashdelta::{Codec, DeviceIdentity, Identity, InstructionSet, PatchHeader};

fn images() -> (Vec<u8>, Vec<u8>) {
    let mut random = Random(8);
    let old = random.bytes(5000);
    let new = edited(&mut random, &old, 5);
    (old, new)
}

/// Must not be written.
struct Untouchable(u32);

impl NewImage for Untouchable {
    type Error = OutOfBounds;
    fn capacity(&self) -> u32 {
        self.0
    }
    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), OutOfBounds> {
        panic!("a write before everything was checked")
    }
    fn read(&mut self, _: u32, _: &mut [u8]) -> Result<(), OutOfBounds> {
        panic!("a read before everything was checked")
    }
}

type Failure = ApplyError<OutOfBounds, OutOfBounds>;

fn refusal(
    old: &[u8],
    patch: &[u8],
    workspace: usize,
    capacity: u32,
    options: ApplyOptions,
) -> Failure {
    let mut workspace = vec![0; workspace];
    let mut applier = Applier::new(&mut workspace, old, Untouchable(capacity), options);
    patch.chunks(10).find_map(|piece| applier.feed(piece).err()).expect("it is refused")
}

#[test]
fn the_wrong_base() {
    let (old, new) = images();
    let patch = diff(&old, &new, &DiffOptions::new()).unwrap().bytes;
    let options = ApplyOptions::default();
    let mut wrong = old.clone();
    wrong[4999] ^= 1;
    let error = refusal(&wrong, &patch, 70_000, 1 << 20, options);
    assert!(matches!(error, ApplyError::OldMismatch { expected, found, .. } if expected != found));
    let text = error.to_string();
    assert!(
        text.starts_with("old image does not match this patch: patch expects sha256 "),
        "{text}"
    );
    let error = refusal(&old[..4999], &patch, 70_000, 1 << 20, options);
    assert_eq!(error, ApplyError::OldTooShort { expected: 5000, found: 4999 });
    // A slot is padded.
    let padded = [&old[..], &[0xFF; 1000]].concat();
    assert_eq!(apply(&padded, &patch).as_deref(), Ok(&new[..]));
}

#[test]
fn too_little_room() {
    let (old, new) = images();
    for codec in Codec::ALL {
        let options = DiffOptions::new().profile(DeviceProfile::linux()).ram(20_000).codec(codec);
        let patch = diff(&old, &new, &options).unwrap();
        let needed = patch.header.workspace_len();
        for workspace in [0, 1, 60, 500, needed / 2] {
            let error = refusal(&old, &patch.bytes, workspace, 1 << 20, ApplyOptions::default());
            assert!(
                matches!(
                    error,
                    ApplyError::WorkspaceTooSmall { found, .. } if found as usize == workspace
                ),
                "{error:?}"
            );
        }
        let capacity = new.len() as u32 - 1;
        let error = refusal(&old, &patch.bytes, needed, capacity, ApplyOptions::default());
        assert_eq!(error, ApplyError::NewTooLong { needed: capacity + 1, capacity });
    }
}

#[test]
fn another_device() {
    let (old, new) = images();
    let identity = Identity {
        product: Identity::product_id("lamp"),
        hardware_from: 3,
        hardware_to: 5,
        security_counter: 10,
    };
    let patch = diff(&old, &new, &DiffOptions::new().identity(identity)).unwrap().bytes;
    assert_eq!(PatchHeader::parse(&patch).unwrap().unwrap().identity, Some(identity));
    let device = DeviceIdentity { product: identity.product, hardware: 4, security_counter: 10 };
    let refuse = |patch: &[u8], device| {
        refusal(&old, patch, 70_000, 1 << 20, ApplyOptions::default().device(device))
    };

    let mut workspace = vec![0; 70_000];
    let mut slot = vec![0; new.len()];
    let mut applier = Applier::new(
        &mut workspace,
        &old[..],
        &mut slot[..],
        ApplyOptions::default().device(device),
    );
    assert!(applier.feed(&patch).unwrap().done);

    let (patch_product, product) = (identity.product, 7);
    assert_eq!(
        refuse(&patch, DeviceIdentity { product, ..device }),
        ApplyError::WrongProduct { patch: patch_product, device: 7 }
    );
    for hardware in [2, 6] {
        let error = refuse(&patch, DeviceIdentity { hardware, ..device });
        assert_eq!(error, ApplyError::WrongHardware { from: 3, to: 5, device: hardware });
    }
    let error = refuse(&patch, DeviceIdentity { security_counter: 11, ..device });
    assert_eq!(error, ApplyError::Rollback { patch: 10, device: 11 });
    let anonymous = diff(&old, &new, &DiffOptions::new()).unwrap().bytes;
    assert_eq!(refuse(&anonymous, device), ApplyError::NoIdentity);
}

#[test]
fn a_profile_that_is_too_small_says_what_would_do() {
    let (old, new) = images();
    for codec in Codec::ALL {
        let with = |ram| {
            diff(
                &old,
                &new,
                &DiffOptions::new().profile(DeviceProfile::linux()).ram(ram).codec(codec),
            )
        };
        let Err(DiffError::ProfileTooSmall { needed, ram: 1024, .. }) = with(1024) else {
            panic!("{codec}")
        };
        assert!(with(needed).is_ok(), "{codec} in {needed}");
        assert!(with(needed - 256).is_err(), "{codec} in less than {needed}");
    }
    let tiny = DiffOptions::new().profile(DeviceProfile::tiny());
    assert!(diff(&old, &new, &tiny).unwrap().header.ram <= 4096);
    let error = diff(&old, &new, &tiny.clone().codec(Codec::Zstd)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "profile \"tiny\" does not allow codec zstd; it allows raw, lz4, model"
    );
    let mut profile = DeviceProfile::small();
    profile.isas.clear();
    let options = DiffOptions::new().profile(profile.clone()).base(0x0800_0000);
    let error = diff(&old, &new, &options.clone().isa(InstructionSet::Thumb)).unwrap_err();
    assert!(matches!(error, DiffError::InstructionSetNotInProfile { .. }));
    // An applier without prediction reads no address map.
    let options = options.isa(InstructionSet::None);
    assert_ne!(diff(&old, &new, &options).unwrap().header.address_map_len(), 0);
    profile.set_codecs(vec![Codec::Raw, Codec::Lz4]);
    assert_eq!(diff(&old, &new, &options.profile(profile)).unwrap().header.address_map_len(), 0);
}

#[test]
fn what_cannot_be_is_refused_before_any_work() {
    use flashdelta::diff::check_lengths;
    let never = || DiffOptions::new().progress(|_| panic!("work has begun"));
    let (old, new) = images();
    let Err(DiffError::ProfileTooSmall { ram: 100, codec: Codec::Model, needed, .. }) =
        diff(&old, &new, &never().ram(100))
    else {
        panic!("100 bytes are enough")
    };
    let error = never().ram(100).check().unwrap_err().to_string();
    assert!(error.contains("100 bytes") && !error.contains("esp32"), "{error}");
    assert_eq!(never().ram(needed).check(), Ok(()));
    assert!(never().codec(Codec::Zstd).check().is_err());
    assert_eq!(check_lengths(1 << 30, (1 << 30) - 1), Ok(()));
    for (old, new) in [(1 << 30, 1 << 30), (u64::MAX, 1), (0, 1 << 31)] {
        assert!(matches!(check_lengths(old, new), Err(DiffError::TooLarge { .. })));
    }
}

#[test]
fn a_patch_states_what_it_needs_and_not_what_there_is() {
    let (old, _) = images();
    let mut new = old.clone();
    new[777..779].copy_from_slice(&[1, 2]);
    let patch = diff(&old, &new, &DiffOptions::new()).unwrap();
    assert!(patch.bytes.len() < 100 && patch.header.ram <= 4096, "{:?}", patch.header);
    let lz4 = DiffOptions::new().codec(Codec::Lz4);
    let patch = diff(&old, &new, &lz4).unwrap();
    assert!(patch.header.ram <= 2048, "{:?}", patch.header);
    assert_eq!(apply(&old, &patch.bytes).unwrap(), new);
}

#[test]
fn a_maker_can_be_cancelled_and_tells_how_far_it_is() {
    use core::ops::ControlFlow;
    use std::sync::{Arc, Mutex};
    let (old, new) = images();
    let options = DiffOptions::new().progress(|_| ControlFlow::Break(()));
    assert_eq!(diff(&old, &new, &options).unwrap_err(), DiffError::Cancelled);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let options = DiffOptions::new().threads(1).progress(move |p| {
        log.lock().unwrap().push(p.fraction);
        ControlFlow::Continue(())
    });
    diff(&old, &new, &options).unwrap();
    let seen = seen.lock().unwrap();
    assert!(
        !seen.is_empty()
            && seen.windows(2).all(|w| w[0] <= w[1])
            && seen.iter().all(|f| (0.0..=1.0).contains(f))
    );
}

#[test]
fn files_appear_only_when_they_are_right() {
    let (old, new) = images();
    let folder = std::env::temp_dir().join(format!("flashdelta-test-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (old_path, new_path) = (folder.join("old.bin"), folder.join("new.bin"));
    std::fs::write(&old_path, &old).unwrap();
    let patch = diff(&old, &new, &DiffOptions::new()).unwrap().bytes;
    let run = |patch: &[u8]| {
        let (old, new) = (OldFile::open(&old_path).unwrap(), NewFile::create(&new_path).unwrap());
        flashdelta::apply::HeapApplier::new().run(patch, old, new).map(|_| ())
    };
    let mut damaged = patch.clone();
    *damaged.last_mut().unwrap() ^= 0x80;
    for bad in [&damaged[..], &patch[..patch.len() - 1], &patch[..20]] {
        assert!(run(bad).is_err());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing but the old image");
    }
    run(&patch).unwrap();
    assert_eq!(std::fs::read(&new_path).unwrap(), new);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_profile_has_to_be_possible() {
    let (old, new) = images();
    for (sector, page, part) in [
        (0, 16, "sector"),
        (24, 16, "sector"),
        (8, 16, "sector"),
        (4096, 0, "page"),
        (4096, 3, "page"),
    ] {
        let mut profile = DeviceProfile::small();
        (profile.sector, profile.page) = (sector, page);
        let error = diff(&old, &new, &DiffOptions::new().profile(profile)).unwrap_err();
        assert!(
            matches!(error, DiffError::BadProfile { .. }) && error.to_string().contains(part),
            "{error}"
        );
    }
    let mut profile = DeviceProfile::small();
    // No power of two, but ten pages.
    (profile.sector, profile.page) = (160, 16);
    assert!(diff(&old, &new, &DiffOptions::new().profile(profile)).is_ok());
}
