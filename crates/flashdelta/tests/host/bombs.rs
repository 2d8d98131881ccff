//! Small patches that promise large images, or ask for much memory.

use crate::common::handmade::bomb;
use flashdelta::apply::{self, ApplyError, MemoryImage};
use flashdelta::PatchHeader;

#[test]
fn a_bomb_is_a_patch() {
    // Complete but for its digest.
    let patch = bomb(1000, 16);
    assert!(patch.len() < 80);
    assert_eq!(PatchHeader::parse(&patch).unwrap().unwrap().new_size, 1000);
    assert!(matches!(apply::verify(&[], &patch), Err(ApplyError::NewMismatch { .. })));
}

#[test]
fn an_image_out_of_proportion_is_refused_before_it_is_made() {
    let patch = bomb(1 << 30, 16);
    let capacity = (64 << 20) + 16 * patch.len() as u32;
    let error = ApplyError::NewTooLong { needed: 1 << 30, capacity };
    assert_eq!(apply::verify(&[], &patch).unwrap_err(), error);
    assert_eq!(apply::explain(&[], &patch).unwrap_err(), error);
}

#[test]
fn workspace_out_of_proportion_is_not_lent() {
    // 1 GiB; no patch needs more than some hundred KiB.
    let patch = bomb(1000, 1 << 22);
    let (needed, found) = ((1 << 30) - 1024, 64 << 20);
    let error = apply::apply(&[], &patch).unwrap_err();
    assert_eq!(error, ApplyError::WorkspaceTooSmall { needed, found });
    assert_eq!(apply::verify(&[], &patch).unwrap_err(), error);
    let read = apply::HeapApplier::new().run(&patch[..], &[][..], Vec::new());
    assert!(matches!(read, Err(apply::HeapError::Apply(ApplyError::WorkspaceTooSmall { .. }))));
}

#[test]
fn limits_grow_with_the_input() {
    use flashdelta::apply::NewImage as _;
    assert_eq!(MemoryImage::for_patch(0, 0).capacity(), 64 << 20);
    assert_eq!(
        MemoryImage::for_patch(1 << 20, 1 << 10).capacity(),
        (64 << 20) + (16 << 20) + (16 << 10)
    );
    assert_eq!(MemoryImage::for_patch(u64::MAX, 1).capacity(), i32::MAX as u32);
    let mut image = MemoryImage::new(10);
    image.write(0, b"12345678").unwrap();
    assert!(image.write(8, b"9ab").is_err());
    image.write(8, b"9a").unwrap();
    assert_eq!(image.into_bytes(), b"123456789a");
}

#[test]
fn progress_never_falls() {
    use core::ops::ControlFlow;
    use flashdelta::{apply::HeapApplier, diff, DiffOptions};
    // Reading the old image asks the watcher, too.
    let old: Vec<u8> =
        (0..400_000u32).flat_map(|i| (i.wrapping_mul(i) >> 5).to_le_bytes()).collect();
    let mut new = old.clone();
    new[700_000] ^= 1;
    let patch = diff::diff(&old, &new, &DiffOptions::new().effort(1)).unwrap().bytes;
    let mut heard = Vec::new();
    let mut watch = |progress: apply::Progress| {
        heard.push(progress.written);
        ControlFlow::Continue(())
    };
    HeapApplier::new().watch(&mut watch).run(&patch[..], &old[..], Vec::new()).unwrap();
    assert!(heard.len() > 2 * old.len() / (64 << 10));
    assert!(heard.is_sorted(), "{heard:?}");
}
