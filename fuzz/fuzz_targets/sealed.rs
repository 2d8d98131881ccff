//! Patches and bundles that were whole, and every rule of the format that has a vector: mutated,
//! and all checksums put right. What succeeds has the digest that it promises, however it is fed.
#![no_main]

use flashdelta::apply::{self, Applier, ApplyOptions};
use flashdelta::door::{self, ApplyRequest};
use flashdelta::file::Output;
use flashdelta::{bundle, Input, PatchHeader};
use flashdelta_fuzz::{pair, seal_all, sha256};
use libfuzzer_sys::fuzz_target;

/// Larger new files are not made: a few bytes can ask for gigabytes.
const MOST: u32 = 1 << 18;

fn fed(old: &[u8], patch: &[u8], piece: usize, header: &PatchHeader) -> Result<Vec<u8>, String> {
    let mut workspace = vec![0; header.workspace_len()];
    let mut slot = vec![0; header.new_size as usize];
    let mut applier = Applier::new(&mut workspace, old, &mut slot[..], ApplyOptions::default());
    for piece in patch.chunks(piece) {
        applier.feed(piece).map_err(|error| error.code().to_owned())?;
    }
    applier.finish().map_err(|error| error.code().to_owned())?;
    Ok(slot)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choices, old, patch)) = pair(bytes) else { return };
    let mut patch = patch.to_vec();
    seal_all(&mut patch);
    let input = Input::from_bytes(old);
    let output =
        [Output::Same, Output::Binary, Output::IntelHex, Output::Srec][usize::from(choices) % 4];
    if bundle::is_bundle(&patch) {
        let Ok(info) = bundle::info(&patch) else { return };
        if let Ok(made) = door::apply(&input, &patch, ApplyRequest::new().limit(Some(MOST))) {
            assert_eq!(sha256(&made.bytes), info.new_digest);
        }
        return;
    }
    let Ok(Some(header)) = PatchHeader::parse(&patch) else { return };
    if header.new_size > MOST || header.workspace_len() > 1 << 22 {
        return;
    }
    let _ = door::apply(&input, &patch, ApplyRequest::new().output(output).limit(Some(MOST)));
    let whole = fed(old, &patch, patch.len().max(1), &header);
    let pieces = fed(old, &patch, usize::from(choices >> 2) + 1, &header);
    if let Ok(new) = &whole {
        // The digest of an image with holes is that of the image with fills in them.
        assert!(header.has_holes() || sha256(new) == header.new_digest);
        assert!(apply::explain(old, &patch).is_ok() || !apply::apply(old, &patch).is_ok());
    }
    // Which damage Zstandard's decoder comes to first depends on how much it is given at a time.
    let damaged = |made: &Result<_, String>| made.as_ref().is_err_and(|code| code == "damaged");
    assert!(whole == pieces || damaged(&whole) && damaged(&pieces), "{whole:?} {pieces:?}");
});
