//! Damaged and hostile patches: valid ones are made, then edited, and the checksum of the header is
//! put right so that the edits are seen.
#![no_main]

use arbitrary::Arbitrary;
use flashdelta::apply::{
    Applier, ApplyError, ApplyOptions, OutOfBounds, Sha256Engine as _, SoftwareSha256,
};
use flashdelta::diff::{diff, DeviceProfile, DiffOptions};
use flashdelta::{Codec, InstructionSet, PatchHeader};
use flashdelta_fuzz::seal;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    codec: u8,
    isa: u8,
    old: Vec<u8>,
    new: Vec<u8>,
    /// Whether the new image ends with its own digest.
    own_digest: bool,
    edits: Vec<(u16, u8)>,
    cut: Option<u16>,
    piece: u8,
}

fn apply(
    old: &[u8],
    patch: &[u8],
    piece: usize,
) -> Result<Vec<u8>, ApplyError<OutOfBounds, OutOfBounds>> {
    let header = PatchHeader::parse(patch).ok().flatten();
    let (memory, size) = header.map_or((2048, 0), |h| (h.workspace_len(), h.new_size as usize));
    let mut workspace = vec![0; memory.min(1 << 20)];
    let mut slot = vec![0; size.min(1 << 20)];
    let mut applier = Applier::new(&mut workspace, old, &mut slot[..], ApplyOptions::default());
    for piece in patch.chunks(piece) {
        applier.feed(piece)?;
    }
    applier.finish()?;
    Ok(slot)
}

fuzz_target!(|input: Input| {
    let mut input = input;
    if input.own_digest {
        let (mut message, mut digest) = (SoftwareSha256.start(), [0; 32]);
        SoftwareSha256.update(&mut message, &input.new);
        SoftwareSha256.digest(&mut message, &mut digest);
        input.new.extend_from_slice(&digest);
    }
    let codec = Codec::ALL[usize::from(input.codec) % Codec::ALL.len()];
    let isa = InstructionSet::ALL[usize::from(input.isa) % InstructionSet::ALL.len()];
    let options = DiffOptions::new()
        .profile(DeviceProfile::linux())
        .ram(16 << 10)
        .codec(codec)
        .isa(isa)
        .effort(1)
        .threads(1);
    let mut patch = diff(&input.old, &input.new, &options).expect("16 KiB suffice").bytes;
    for (at, value) in &input.edits {
        let at = usize::from(*at) % patch.len();
        patch[at] ^= value;
    }
    if let Some(cut) = input.cut {
        patch.truncate(usize::from(cut));
    }
    seal(&mut patch);
    let whole = apply(&input.old, &patch, patch.len().max(1));
    let in_pieces = apply(&input.old, &patch, usize::from(input.piece).max(1));
    match (&whole, &in_pieces) {
        // Which damage Zstandard's decoder comes to first depends on how much it is given at a
        // time.
        (Err(ApplyError::Damaged { .. }), Err(ApplyError::Damaged { .. }))
            if codec == Codec::Zstd => {}
        _ => assert_eq!(in_pieces, whole),
    }
    if let Ok(new) = whole {
        assert!(new == input.new, "success with wrong bytes");
    }
});
