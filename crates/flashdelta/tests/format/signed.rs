//! Signed patches and chunks: what is not vouched for is never used.

use crate::common::toy::Toy;
use flashdelta::apply::{Applier, ApplyError, ApplyOptions, NewImage, OutOfBounds};
use flashdelta::diff::{self, ChunkSize, DiffOptions};
use flashdelta::verify::{Guard, GuardError, NoKeys, VerifyError};
use flashdelta::{sign, PatchHeader};

/// A slot that counts what is written.
#[derive(Debug)]
struct Slot {
    bytes: Vec<u8>,
    written: usize,
}

impl NewImage for &mut Slot {
    type Error = OutOfBounds;

    fn capacity(&self) -> u32 {
        self.bytes.len() as u32
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        NewImage::read(&mut &mut self.bytes[..], offset, bytes)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.written += bytes.len();
        NewImage::write(&mut &mut self.bytes[..], offset, bytes)
    }
}

fn images() -> (Vec<u8>, Vec<u8>) {
    let file = |name: &str| std::fs::read(format!("../../testdata/firmware/{name}")).unwrap();
    (file("riscv-1.0.bin"), file("riscv-1.1.bin"))
}

fn unsigned(chunks: ChunkSize) -> Vec<u8> {
    let (old, new) = images();
    diff::diff(&old, &new, &DiffOptions::new().chunks(chunks)).unwrap().bytes
}

fn signed(chunks: ChunkSize, keys: &[u8]) -> Vec<u8> {
    keys.iter().fold(unsigned(chunks), |patch, key| {
        let signature = Toy(*key).sign(&sign::message(&patch).unwrap());
        sign::attach(&patch, signature).unwrap()
    })
}

/// Applies a patch that comes in pieces; gives what happened, and what was written.
fn guarded(
    patch: &[u8],
    key: Option<u8>,
    piece: usize,
) -> (Result<(), GuardError<OutOfBounds, OutOfBounds>>, Slot) {
    let (old, new) = images();
    let mut slot = Slot { bytes: vec![0; new.len()], written: 0 };
    let mut workspace = vec![0; 64 << 10];
    let mut buffer = vec![0; 16 << 10];
    let result = {
        let applier = Applier::new(&mut workspace, &old[..], &mut slot, ApplyOptions::default());
        let mut guard = Guard::with_policy(applier, key.map(Toy), &mut buffer);
        let fed = patch.chunks(piece).try_for_each(|piece| guard.feed(piece).map(drop));
        fed.and_then(|()| Ok(guard.finish().map(drop)?))
    };
    if result.is_ok() {
        assert!(slot.bytes == new);
    }
    (result, slot)
}

#[test]
fn what_is_signed_is_applied_however_it_is_cut() {
    let sizes = [ChunkSize::None, ChunkSize::Auto, ChunkSize::Bytes(256)];
    for (chunks, keys) in sizes.into_iter().zip([&[7][..], &[1, 7], &[1, 7, 2, 3]]) {
        let patch = signed(chunks, keys);
        for piece in [1, 100, 1024, patch.len()] {
            guarded(&patch, Some(7), piece).0.unwrap();
            guarded(&patch, None, piece).0.unwrap();
        }
    }
    // Chunks without a signature, and neither.
    for chunks in [ChunkSize::None, ChunkSize::Auto] {
        guarded(&unsigned(chunks), None, 77).0.unwrap();
    }
}

#[test]
fn the_plain_applier_takes_the_same_patches() {
    let (old, new) = images();
    for patch in [signed(ChunkSize::None, &[1, 2]), unsigned(ChunkSize::Bytes(512))] {
        for piece in [1, 50, patch.len()] {
            let mut slot = vec![0; new.len()];
            let mut workspace = vec![0; 64 << 10];
            let mut applier =
                Applier::new(&mut workspace, &old[..], &mut slot[..], ApplyOptions::default());
            patch.chunks(piece).for_each(|piece| assert!(applier.feed(piece).is_ok()));
            applier.finish().unwrap();
            assert!(slot == new);
        }
    }
}

#[test]
fn what_nobody_trusted_has_signed_is_refused_before_the_first_write() {
    let refused = |patch: &[u8], expected: VerifyError| {
        for piece in [1, 100, patch.len()] {
            let (result, slot) = guarded(patch, Some(7), piece);
            assert_eq!(result, Err(GuardError::Verify(expected)), "pieces of {piece}");
            assert_eq!(slot.written, 0);
        }
    };
    refused(&unsigned(ChunkSize::None), VerifyError::Unsigned);
    refused(&unsigned(ChunkSize::Auto), VerifyError::Unsigned);
    let unknown = VerifyError::UnknownKey { key_id: [1; 8] };
    refused(&signed(ChunkSize::Auto, &[1, 2]), unknown);
    // A signature of another patch, between others.
    let patch = signed(ChunkSize::Auto, &[1, 2]);
    let other = Toy(7).sign(&sign::message(&unsigned(ChunkSize::Bytes(8192))).unwrap());
    let patch = sign::attach(&patch, other).unwrap();
    refused(&patch, VerifyError::WrongSignature { key_id: [7; 8] });
    let wrong_before = sign::attach(
        &sign::attach(&unsigned(ChunkSize::Auto), other).unwrap(),
        Toy(1).sign(&sign::message(&patch).unwrap()),
    )
    .unwrap();
    refused(&wrong_before, VerifyError::WrongSignature { key_id: [7; 8] });
}

#[test]
fn a_header_without_its_signature_is_nothing_new() {
    let patch = signed(ChunkSize::Auto, &[7]);
    let guard_knows = |len: usize| {
        let (old, new) = images();
        let (mut slot, mut workspace) = (vec![0; new.len()], vec![0; 64 << 10]);
        let mut buffer = vec![0; 16 << 10];
        let applier =
            Applier::new(&mut workspace, &old[..], &mut slot[..], ApplyOptions::default());
        let mut guard = Guard::require_signature(applier, Toy(7), &mut buffer);
        guard.feed(&patch[..len]).unwrap();
        let known = guard.header().is_some();
        assert_eq!(
            guard.finish().unwrap_err(),
            ApplyError::Truncated {
                fed: len as u32,
                expected: known.then(|| {
                    let header = PatchHeader::parse(&patch).unwrap().unwrap();
                    header.body_offset() + header.body_len
                }),
            }
        );
        known
    };
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    let signed = (header.header_len + header.signatures_len()) as usize;
    assert!(!guard_knows(signed - 1));
    assert!(guard_knows(signed));
}

#[test]
fn a_wrong_chunk_is_named_and_may_come_again() {
    let (old, new) = images();
    let patch = signed(ChunkSize::Bytes(256), &[7]);
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    assert!(header.chunk_count() > 3);
    let (mut slot, mut workspace) = (vec![0; new.len()], vec![0; 64 << 10]);
    let mut buffer = vec![0; header.chunk_ram() as usize];
    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], ApplyOptions::default());
    let mut guard = Guard::require_signature(applier, Toy(7), &mut buffer);
    let mut at = 0;
    let mut wrong = 0;
    while at < patch.len() {
        let mut bytes = patch[at..patch.len().min(at + 1000)].to_vec();
        // Each piece is damaged once, but for those before the body.
        let first = (header.body_offset() as usize).saturating_sub(at);
        let is_new = wrong <= at;
        if is_new && first < bytes.len() {
            bytes[first] ^= 0x80;
        }
        match guard.feed(&bytes) {
            Ok(_) => at += bytes.len(),
            Err(GuardError::Verify(VerifyError::WrongChunk { index, start, end })) => {
                assert_eq!(Some(start..end), header.chunk_range(index));
                assert!(is_new);
                wrong = at + first + 1;
                at = guard.next() as usize;
                assert_eq!(at, start as usize);
                // The good ones again, one piece that holds them and more.
                let end = patch.len().min(end as usize + 300);
                guard.feed(&patch[at..end]).unwrap();
                at = end;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(wrong > 0);
    guard.finish().unwrap();
    assert!(slot == new);
}

#[test]
fn a_chunk_that_waits_for_the_budget_is_pending() {
    let (old, new) = images();
    let patch = signed(ChunkSize::Bytes(256), &[7]);
    for budget in [64, 700, 5000] {
        let mut slot = Slot { bytes: vec![0; new.len()], written: 0 };
        let (mut workspace, mut buffer) = (vec![0; 64 << 10], vec![0; 16 << 10]);
        let applier = Applier::new(&mut workspace, &old[..], &mut slot, ApplyOptions::default());
        let mut guard = Guard::with_policy(applier, Some(Toy(7)), &mut buffer);
        // All of it in one call, then calls without input as long as something is pending.
        let mut progress = guard.feed_within(&patch, budget).unwrap();
        while progress.pending || (progress.taken as usize) < patch.len() {
            progress = guard.feed_within(&patch[progress.taken as usize..], budget).unwrap();
        }
        guard.finish().unwrap();
        assert!(slot.bytes == new, "{budget}");
    }
}

#[test]
fn a_check_of_signatures_is_not_left_out_afterwards() {
    let (old, new) = images();
    let mut slot = Slot { bytes: vec![0; new.len()], written: 0 };
    let (mut workspace, mut buffers) = (vec![0; 64 << 10], [vec![0; 16 << 10], vec![0; 16 << 10]]);
    let [first, second] = &mut buffers;
    let applier = Applier::new(&mut workspace, &old[..], &mut slot, ApplyOptions::default());
    let mut guard = Guard::with_policy(applier, Some(Toy(7)), first);
    assert!(!guard.arm(None, second));
    let error = guard.feed(&unsigned(ChunkSize::Auto)).unwrap_err();
    assert_eq!(error, GuardError::Verify(VerifyError::Unsigned));
}

#[test]
fn the_buffer_is_exactly_as_large_as_the_header_says() {
    let (old, new) = images();
    for patch in [signed(ChunkSize::Bytes(256), &[1, 7]), signed(ChunkSize::Bytes(4096), &[7])] {
        let needed = PatchHeader::parse(&patch).unwrap().unwrap().chunk_ram();
        for len in [needed - 1, needed] {
            let (mut slot, mut workspace) = (vec![0; new.len()], vec![0; 64 << 10]);
            let mut buffer = vec![0; len as usize];
            let applier =
                Applier::new(&mut workspace, &old[..], &mut slot[..], ApplyOptions::default());
            let mut guard = Guard::require_signature(applier, Toy(7), &mut buffer);
            let fed = patch.chunks(9).try_for_each(|piece| guard.feed(piece).map(drop));
            let expected = VerifyError::BufferTooSmall { needed, found: len };
            assert_eq!(fed, if len < needed { Err(expected.into()) } else { Ok(()) });
        }
    }
}

/// A header that nobody vouches for says nothing about RAM.
#[test]
fn what_a_patch_needs_is_said_only_if_it_is_authentic() {
    let (old, new) = images();
    let needed = PatchHeader::parse(&signed(ChunkSize::Bytes(4096), &[7])).unwrap().unwrap();
    let (needed, found) = (needed.chunk_ram(), 600);
    let error = |key: u8, workspace: usize, buffer: usize| {
        let patch = signed(ChunkSize::Bytes(4096), &[key]);
        let (mut slot, mut workspace) = (vec![0; new.len()], vec![0; workspace]);
        let mut buffer = vec![0; buffer];
        let options = ApplyOptions::default();
        let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
        Guard::require_signature(applier, Toy(7), &mut buffer).feed(&patch).unwrap_err()
    };
    let stranger = VerifyError::UnknownKey { key_id: [1; 8] }.into();
    assert_eq!(error(1, 10, found as usize), stranger);
    assert_eq!(error(1, 10, needed as usize), stranger);
    assert_eq!(error(7, 10, found as usize), VerifyError::BufferTooSmall { needed, found }.into());
    assert_eq!(error(7, 10, needed as usize).code(), "workspace-too-small");
    // Nor what the image will be.
    let patch = signed(ChunkSize::Auto, &[7]);
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    let (mut slot, mut workspace) = (vec![0; new.len()], vec![0; 64 << 10]);
    let mut buffer = vec![0; header.chunk_ram() as usize];
    let options = ApplyOptions::default();
    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    let mut guard = Guard::require_signature(applier, Toy(7), &mut buffer);
    let (front, rest) = patch.split_at((header.header_len + header.signatures_len()) as usize - 1);
    assert_eq!((guard.feed(front).unwrap().total, guard.header()), (0, None));
    assert_eq!(guard.feed(&rest[..1]).unwrap().total as usize, new.len());
    assert_eq!(guard.header(), Some(&header));
}

#[test]
fn errors_are_final_but_for_a_wrong_chunk() {
    let (old, new) = images();
    let patch = unsigned(ChunkSize::Auto);
    let (mut slot, mut workspace) = (vec![0; new.len()], vec![0; 64 << 10]);
    let mut buffer = vec![0; 8 << 10];
    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], ApplyOptions::default());
    let mut guard = Guard::require_signature(applier, Toy(7), &mut buffer);
    assert_eq!(guard.feed(&patch).unwrap_err(), VerifyError::Unsigned.into());
    assert_eq!(guard.feed(&patch).unwrap_err(), ApplyError::Poisoned.into());
    assert_eq!(guard.finish().unwrap_err(), ApplyError::Poisoned);
    // Keys that know none.
    let (mut slot, mut workspace) = (vec![0; new.len()], vec![0; 64 << 10]);
    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], ApplyOptions::default());
    let mut guard = Guard::require_signature(applier, NoKeys, &mut buffer);
    let error = guard.feed(&signed(ChunkSize::Auto, &[7])).unwrap_err();
    assert_eq!(error, VerifyError::UnknownKey { key_id: [7; 8] }.into());
    assert_eq!((error.class().exit_code(), error.code()), (9, "unknown-key"));
}
