//! Mutations of signed patches: nothing is parsed that is not authentic, nothing is written of it,
//! and the error is the right one.
//!
//! A few thousand each time. Ten million:
//!
//! ```text
//! FLASHDELTA_MUTATIONS=10000000 cargo test --release -p flashdelta --all-features --test mutations
//! ```

mod common;

use core::sync::atomic::{AtomicU64, Ordering};

use common::{testdata, Random};
use flashdelta::apply::{Applier, ApplyOptions, NewImage, OutOfBounds};
use flashdelta::audit::{self, Parsed};
use flashdelta::diff::{self, ChunkSize, DiffOptions};
use flashdelta::sign::{self, PrivateKey, PublicKey};
use flashdelta::verify::{Guard, Signature, Verdict, Verifier};
use flashdelta::{Codec, PatchHeader};

/// Remembers what is written.
struct Slot<'s>(&'s mut Vec<u8>, usize);

impl NewImage for Slot<'_> {
    type Error = OutOfBounds;

    fn capacity(&self) -> u32 {
        self.1 as u32
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        assert_eq!(offset as usize, self.0.len());
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

struct Sample {
    name: &'static str,
    old: Vec<u8>,
    new: Vec<u8>,
    patch: Vec<u8>,
    header: PatchHeader,
    key: PublicKey,
}

fn sample(name: &'static str, key: &str, options: DiffOptions) -> Sample {
    let pem = |name: &str| String::from_utf8(testdata(&format!("signed/{name}"))).unwrap();
    let (old, new) = (testdata("firmware/cortex-m-1.0.bin"), testdata("firmware/cortex-m-1.1.bin"));
    let (old, new) = (old[..9000].to_vec(), new[..9200].to_vec());
    let patch = diff::diff(&old, &new, &options).unwrap().bytes;
    let private = PrivateKey::from_pem(&pem(&format!("{key}.pem"))).unwrap();
    let patch = sign::sign(&patch, &private).unwrap();
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    Sample { name, old, new, patch, header, key: private.public() }
}

/// Patches of both algorithms, with and without address maps, of several chunks.
fn samples() -> Vec<Sample> {
    let chunks = |size| DiffOptions::new().effort(2).chunks(ChunkSize::Bytes(size));
    let two = |mut sample: Sample| {
        let pem = String::from_utf8(testdata("signed/other-ed25519.pem")).unwrap();
        let first = PrivateKey::from_pem(&pem).unwrap();
        let signature = sign::signatures(&sample.patch).unwrap()[0];
        // The other signature comes first.
        let other = first.sign(&sign::message(&sample.patch).unwrap());
        let block = sample.header.header_len as usize + 1;
        let mut patch = sample.patch[..block - 1].to_vec();
        patch.push(2);
        for Signature { algorithm, key_id, bytes, .. } in [other, signature] {
            patch.push(algorithm);
            patch.extend(key_id);
            patch.extend(bytes);
        }
        patch.extend(&sample.patch[block + 73..]);
        sample.header = PatchHeader::parse(&patch).unwrap().unwrap();
        sample.patch = patch;
        sample
    };
    vec![
        sample("model", "ed25519", chunks(256).base(0x0800_0000)),
        two(sample("two signatures", "ed25519", chunks(256))),
        sample("lz4", "p256", chunks(256).codec(Codec::Lz4).profile(small())),
        sample("one chunk", "p256", chunks(1 << 16).base(0x0800_0000)),
    ]
}

fn small() -> diff::DeviceProfile {
    let mut profile = diff::DeviceProfile::small();
    profile.codecs = vec![Codec::Lz4];
    profile
}

/// A mutation: of bits or bytes, of the length, of whole fields; some with a right checksum.
fn mutated(sample: &Sample, random: &mut Random) -> Vec<u8> {
    let mut patch = sample.patch.clone();
    let header = &sample.header;
    let front = header.body_offset() as usize;
    for _ in 0..1 + random.below(3) / 2 {
        let at = match random.below(4) {
            0 => random.below(header.header_len as usize),
            1 => random.below(front),
            _ => random.below(patch.len()),
        }
        .min(patch.len() - 1);
        match random.below(12) {
            0 => drop(patch.drain(at..(at + 1 + random.below(4)).min(patch.len()))),
            1 => patch.insert(at, random.next() as u8),
            2 => patch.truncate(at),
            3 => patch.extend([0; 5]),
            // Another piece of the patch in this place.
            4 => {
                let from = random.below(patch.len());
                let len = random.below(80).min(patch.len() - at).min(patch.len() - from);
                patch.copy_within(from..from + len, at);
            }
            5 => patch[at] = random.next() as u8,
            _ => patch[at] ^= 1 << random.below(8),
        }
        if patch.is_empty() {
            return patch;
        }
    }
    if random.below(3) == 0 && patch.len() > header.header_len as usize {
        let len = match patch[4] {
            len if len < 0x80 => len.into(),
            len => usize::from(len & 0x7F) | usize::from(patch[5]) << 7,
        };
        if (10..patch.len()).contains(&len) {
            let sum = common::handmade::crc32(&patch[..len - 4]);
            patch[len - 4..len].copy_from_slice(&sum.to_le_bytes());
        }
    }
    patch
}

/// Checks one mutation; gives the code of the error.
fn check(sample: &Sample, patch: &[u8], piece: usize) -> String {
    let Sample { old, new, header, key, .. } = sample;
    let mut written = Vec::new();
    // As a device has them: as much as this update needs, and not what a header asks for.
    let (mut workspace, mut buffer) = (vec![0; header.workspace_len()], vec![0; 68 << 10]);
    audit::take();
    let result = {
        let slot = Slot(&mut written, new.len());
        let applier = Applier::new(&mut workspace, &old[..], slot, ApplyOptions::default());
        let mut guard = Guard::require_signature(applier, *key, &mut buffer);
        let fed = patch.chunks(piece).try_for_each(|piece| guard.feed(piece).map(drop));
        match fed {
            Ok(()) => guard.finish().map(drop).map_err(|error| error.code()),
            Err(error) => Err(error.code()),
        }
    };
    let code = result.err().unwrap_or("ok");
    let whole = &sample.patch;
    let header_is_right =
        patch.get(..header.header_len as usize) == whole.get(..header.header_len as usize);
    for parsed in audit::take() {
        match parsed {
            // That is what is signed, and only its checksum is known to be right.
            Parsed::Header => {}
            Parsed::Maps => assert!(header_is_right, "{}: {code}", sample.name),
            // Where signatures come or go, the body is somewhere else.
            Parsed::Body(range) => {
                assert!(header_is_right);
                let found = PatchHeader::parse(patch).unwrap().unwrap();
                let body =
                    |range: u32, header: &PatchHeader| (range - header.body_offset()) as usize;
                let theirs = body(range.start, &found)..body(range.end, &found);
                let ours = &whole[header.body_offset() as usize..][theirs];
                let mine = &patch[range.start as usize..range.end as usize];
                assert!(mine == ours, "{}: {code}", sample.name);
            }
        }
    }
    assert!(new.starts_with(&written), "{}: {code}", sample.name);
    assert!(written.is_empty() || header_is_right);
    assert_eq!(code == "ok", patch_is_right(sample, patch), "{}: {code}", sample.name);
    assert!(expected(sample, patch).contains(&code), "{}: {code}", sample.name);
    if !matches!(code, "ok" | "wrong-chunk" | "truncated" | "trailing-input") {
        assert!(written.is_empty(), "{}: {code}", sample.name);
    }
    code.to_owned()
}

/// Whether all is there that counts: header, a right signature, table and body.
fn patch_is_right(sample: &Sample, patch: &[u8]) -> bool {
    let (whole, ours) = (&sample.patch, &sample.header);
    let header_len = ours.header_len as usize;
    if patch.get(..header_len) != whole.get(..header_len) {
        return false;
    }
    let Ok(Some(found)) = PatchHeader::parse(patch) else { return false };
    let Some(block) = patch.get(header_len..header_len + found.signatures_len() as usize) else {
        return false;
    };
    let rest = |patch: &[u8], header: &PatchHeader| {
        patch.get(header_len + header.signatures_len() as usize..).map(<[u8]>::to_vec)
    };
    is_signed(sample, block) && rest(patch, &found) == rest(whole, ours)
}

fn is_signed(sample: &Sample, block: &[u8]) -> bool {
    let message = sign::message(&sample.patch).unwrap();
    let mut key = sample.key;
    Signature::list(block).any(|signature| {
        let known = flashdelta::verify::Algorithm::from_number(signature.algorithm);
        known.is_some_and(|algorithm| {
            let verdict = key.verify(algorithm, &signature.key_id, &message, &signature.bytes);
            verdict == Verdict::Right
        })
    })
}

/// The errors that may come, by the first part that is not as it was.
fn expected(sample: &Sample, patch: &[u8]) -> Vec<&'static str> {
    let (whole, header) = (&sample.patch, &sample.header);
    let same = patch.iter().zip(whole).take_while(|(a, b)| a == b).count();
    let len = header.header_len as usize;
    if same < len {
        return of_header(patch, whole);
    }
    match same {
        // The number of signatures.
        same if same == len => vec![
            "bad-number",
            "field-too-large",
            "wrong-signature",
            "unknown-key",
            "wrong-table",
            "truncated",
            "ok",
        ],
        same if same < header.body_offset() as usize => {
            vec![
                "wrong-signature",
                "unknown-key",
                "wrong-table",
                "wrong-chunk",
                "truncated",
                "trailing-input",
                "ok",
            ]
        }
        same if same < whole.len() => vec!["wrong-chunk", "truncated"],
        _ => vec!["trailing-input", "ok"],
    }
}

/// The errors that may come of a header that is not as it was: one of them only, until its checksum
/// is right (docs/format.md, 3).
fn of_header(patch: &[u8], whole: &[u8]) -> Vec<&'static str> {
    let magic = patch.len().min(3);
    if patch[..magic] != whole[..magic] {
        return vec!["not-a-patch"];
    }
    match patch.get(3) {
        None => return vec!["truncated"],
        Some(version) if *version != whole[3] => return vec!["unsupported-version"],
        Some(_) => {}
    }
    let len = match patch[4..] {
        [len @ 0..0x80, ..] => len.into(),
        // Numbers have no more bytes than they need.
        [_, 0, ..] => return vec!["bad-number"],
        [low, high @ 0..0x80, ..] => usize::from(low & 0x7F) | usize::from(high) << 7,
        [_] | [] => return vec!["truncated"],
        // No length has three bytes.
        _ => return vec!["truncated", "field-too-large", "bad-number"],
    };
    match len {
        0..4 => return vec!["cut-short", "truncated"],
        1025.. => return vec!["field-too-large"],
        len if len > patch.len() => return vec!["truncated"],
        _ => {}
    }
    if patch[len - 4..len] != common::handmade::crc32(&patch[..len - 4]).to_le_bytes() {
        return vec!["checksum"];
    }
    vec![
        "unsupported",
        "unknown-feature",
        "unknown-codec",
        "unknown-isa",
        "cut-short",
        "bad-number",
        "field-too-large",
        "bad-segment",
        "left-over",
        "inconsistent-workspace",
        // What is a header is none that was signed.
        "wrong-signature",
        "unknown-key",
        "unsigned",
        "chunk-buffer-too-small",
        "truncated",
    ]
}

#[test]
fn nothing_is_used_that_is_not_authentic() {
    let count: u64 = std::env::var("FLASHDELTA_MUTATIONS")
        .map_or(4_000, |count| count.parse().expect("a number"));
    let samples = samples();
    for sample in &samples {
        assert_eq!(check(sample, &sample.patch, 64), "ok");
    }
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let counts = std::thread::scope(|scope| {
        let work = || {
            let mut counts = std::collections::BTreeMap::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return counts;
                }
                let mut random = Random(number);
                let sample = &samples[random.below(samples.len())];
                let patch = mutated(sample, &mut random);
                let piece = [1, 64, 300, usize::MAX][random.below(4)].min(patch.len().max(1));
                *counts.entry(check(sample, &patch, piece)).or_insert(0) += 1;
            }
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = std::collections::BTreeMap::new();
        for thread in running {
            for (code, count) in thread.join().unwrap() {
                *all.entry(code).or_insert(0u64) += count;
            }
        }
        all
    });
    println!("{count} mutations: {counts:?}");
    for code in ["checksum", "wrong-signature", "unknown-key", "wrong-table", "wrong-chunk"] {
        assert!(counts.contains_key(code), "no {code} in {counts:?}");
    }
}
