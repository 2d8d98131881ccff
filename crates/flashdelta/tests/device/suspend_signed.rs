//! A signed patch goes on after a break as others do, and its guard with it: nothing is fed twice,
//! nothing that was not checked is used, and no suspension is a way round the policy.

use core::convert::Infallible;

use crate::common::{code_like, edited, testdata, Random};
use flashdelta::apply::{Applier, ApplyOptions, ResumeError};
use flashdelta::diff::{diff, ChunkSize, DeviceProfile, DiffOptions};
use flashdelta::sign::{self, PrivateKey, PublicKey};
use flashdelta::verify::{
    Algorithm, Guard, GuardError, KeyId, Message, Verdict, Verifier, VerifyError,
};
use flashdelta::{Codec, PatchHeader};

struct Made {
    old: Vec<u8>,
    new: Vec<u8>,
    patch: Vec<u8>,
    key: PublicKey,
}

fn key(name: &str) -> PrivateKey {
    let pem = String::from_utf8(testdata(&format!("signed/{name}.pem"))).unwrap();
    PrivateKey::from_pem(&pem).unwrap()
}

fn made(codec: Codec, chunk: u32) -> Made {
    let mut random = Random(u64::from(chunk));
    let old = code_like(&mut random, 6000);
    let new = edited(&mut random, &old, 30);
    let mut profile = DeviceProfile::linux();
    (profile.ram, profile.sector, profile.page) = (12 << 10, 4096, 8);
    let options = DiffOptions::new().profile(profile).codec(codec).effort(2);
    let patch = diff(&old, &new, &options.chunks(ChunkSize::Bytes(chunk))).unwrap().bytes;
    // The signature of a device's other key comes first, and is looked at, too.
    let patch = sign::sign(&patch, &key("other-ed25519")).unwrap();
    let patch = sign::sign(&patch, &key("ed25519")).unwrap();
    Made { old, new, patch, key: key("ed25519").public() }
}

fn reader(bytes: &[u8]) -> impl FnMut(u32, &mut [u8]) -> Result<(), Infallible> + '_ {
    |offset, buf| {
        buf.copy_from_slice(&bytes[offset as usize..offset as usize + buf.len()]);
        Ok(())
    }
}

/// Suspends what there is, by its own method.
macro_rules! suspended {
    ($update:expr) => {{
        let mut bytes = Vec::new();
        let put = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok::<_, Infallible>(())
        };
        $update.suspend(put).unwrap();
        assert_eq!(bytes.len() as u32, $update.suspension_len().unwrap());
        bytes
    }};
}

#[test]
fn a_signed_update_goes_on_where_it_was() {
    for (codec, chunk) in [(Codec::Model, 256), (Codec::Lz4, 256), (Codec::Raw, 256)] {
        let Made { old, new, patch, key } = made(codec, chunk);
        let header = PatchHeader::parse(&patch).unwrap().unwrap();
        assert!(header.chunk_count() > 2, "{codec}: {} bytes", patch.len());
        for (every, budget) in [(1, u32::MAX), (7, 500), (100, u32::MAX), (256, 2000)] {
            let (mut slot, mut kept, mut taken) = (vec![0x55; new.len()], Vec::new(), 0);
            let (mut done, mut fed) = (false, 0);
            while !done {
                // Nothing is left of the memory.
                let mut workspace = vec![0xA5; header.workspace_len()];
                let mut buffer = vec![0x5A; header.chunk_ram() as usize];
                let options = ApplyOptions::default();
                let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
                let mut guard = Guard::require_signature(applier, key, &mut buffer);
                if !kept.is_empty() {
                    loop {
                        let len = kept.len() as u32;
                        let progress =
                            guard.resume_within(len, reader(&kept), None, budget).unwrap();
                        if !progress.pending {
                            break;
                        }
                    }
                    assert_eq!(guard.next() as usize, taken, "{codec} {every}");
                }
                let end = (taken + every).min(patch.len());
                loop {
                    let progress = guard.feed_within(&patch[taken..end], budget).unwrap();
                    fed += progress.taken as usize - taken;
                    taken = progress.taken as usize;
                    done = progress.done;
                    if done || (taken == end && !progress.pending) {
                        break;
                    }
                }
                kept = suspended!(guard);
                let most = header.suspension_len() + header.chunk_ram();
                assert!(kept.len() as u32 <= most, "{} bytes", kept.len());
                if done {
                    guard.finish().unwrap();
                }
            }
            assert!(slot == new, "{codec} {every}");
            assert_eq!(fed, patch.len(), "{codec} {every}: bytes taken twice");
        }
    }
}

/// Whoever holds the link after the reset cannot do more than before it.
#[test]
fn what_comes_after_the_reset_is_checked() {
    let Made { old, new, patch, key } = made(Codec::Model, 256);
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    let chunk = header.chunk_range(1).unwrap();
    let (mut workspace, mut slot) = (vec![0; header.workspace_len()], vec![0; new.len()]);
    let mut buffer = vec![0; header.chunk_ram() as usize];
    let options = ApplyOptions::default();
    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    let mut guard = Guard::require_signature(applier, key, &mut buffer);
    let middle = chunk.start as usize + 100;
    guard.feed(&patch[..middle]).unwrap();
    let kept = suspended!(guard);
    drop(guard);

    assert_eq!(PatchHeader::of_suspension(kept.len() as u32, reader(&kept)), Ok(Some(header)));
    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    let mut guard = Guard::require_signature(applier, key, &mut buffer);
    guard.resume(kept.len() as u32, reader(&kept), Some(&header)).unwrap();
    let mut forged = patch.clone();
    forged[middle + 20] ^= 1;
    let refused = guard.feed(&forged[middle..]).unwrap_err();
    let (start, end) = (chunk.start, chunk.end);
    assert_eq!(refused, GuardError::Verify(VerifyError::WrongChunk { index: 1, start, end }));
    assert_eq!(guard.next(), start);
    guard.feed(&patch[start as usize..]).unwrap();
    guard.finish().unwrap();
    assert!(slot == new);
}

/// Keys change while an update waits: what a key has vouched for that is not trusted any more is
/// not gone on with, but begins again, and is judged as any other patch.
#[test]
fn what_a_revoked_key_has_vouched_for_does_not_go_on() {
    let Made { old, new, patch, key } = made(Codec::Model, 256);
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    let (mut workspace, mut slot) = (vec![0; header.workspace_len()], vec![0; new.len()]);
    let mut buffer = vec![0; header.chunk_ram() as usize];
    let options = ApplyOptions::default();
    let chunk = header.chunk_range(1).unwrap();
    let front = header.header_len + header.signatures_len();
    let other = self::key("other-ed25519").public();
    let key_id = key.key_id();
    // In the table, in a chunk, and at the end.
    for half in [front + 10, chunk.start + 100, patch.len() as u32] {
        let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
        let mut guard = Guard::require_signature(applier, [key, other], &mut buffer);
        guard.feed(&patch[..half as usize]).unwrap();
        let kept = suspended!(guard);
        drop(guard);
        // That of the other key comes first in the patch.
        let signer = other.key_id();
        for keys in [vec![key], Vec::new()] {
            let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
            let mut guard = Guard::require_signature(applier, Keys(keys.clone()), &mut buffer);
            let refused = guard.resume(kept.len() as u32, reader(&kept), None).unwrap_err();
            assert_eq!(refused, ResumeError::UnknownKey { key_id: signer });
            assert_eq!((guard.next(), refused.code()), (0, "unknown-key"));
            let fed = guard.feed(&patch);
            if keys.is_empty() {
                assert!(matches!(fed, Err(GuardError::Verify(VerifyError::UnknownKey { .. }))));
            } else {
                // It is signed with the other one as well.
                fed.unwrap();
                guard.finish().unwrap();
                assert!(slot == new && signer != key_id);
            }
        }
        let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
        let mut guard = Guard::require_signature(applier, [other, key], &mut buffer);
        let progress = guard.resume(kept.len() as u32, reader(&kept), None).unwrap();
        assert_eq!(progress.taken, half);
        guard.feed(&patch[half as usize..]).unwrap();
        guard.finish().unwrap();
    }
}

/// Keys that are known only when the program runs.
struct Keys(Vec<PublicKey>);

impl Verifier for Keys {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        self.0[..].verify(algorithm, key_id, message, signature)
    }
}

/// An applier that was not guarded, one that checks chunks only, and one that demands a signature:
/// none goes on with what another one has begun.
#[test]
fn each_policy_goes_on_with_its_own() {
    let Made { old, new, patch, key } = made(Codec::Model, 256);
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    let (mut workspace, mut slot) = (vec![0; header.workspace_len()], vec![0; new.len()]);
    let mut buffer = vec![0; header.chunk_ram() as usize];
    let options = ApplyOptions::default();
    let mut suspensions = Vec::new();
    for from in 0..4 {
        let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
        let mut guard = Guard::<_, _, PublicKey>::unguarded(applier);
        match from {
            0 => {}
            1 => assert!(guard.arm(None, &mut [])),
            2 => assert!(guard.arm(None, &mut buffer)),
            _ => assert!(guard.arm(Some(key), &mut buffer)),
        }
        if from == 1 {
            // Nothing fits that buffer.
            assert!(guard.feed(&patch).is_err());
            continue;
        }
        guard.feed(&patch[..patch.len() / 2]).unwrap();
        suspensions.push(suspended!(guard));
    }
    for to in 0..4 {
        for (from, kept) in [0, 2, 3].into_iter().zip(&suspensions) {
            let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
            let mut guard = Guard::<_, _, PublicKey>::unguarded(applier);
            match to {
                0 => {}
                1 => assert!(guard.arm(None, &mut [])),
                2 => assert!(guard.arm(None, &mut buffer)),
                _ => assert!(guard.arm(Some(key), &mut buffer)),
            }
            let resumed = guard.resume(kept.len() as u32, reader(kept), None);
            assert_eq!(resumed.is_ok(), from == to, "{from} {to}: {resumed:?}");
        }
    }
}

#[test]
fn a_suspension_is_no_way_round_the_policy() {
    let Made { old, new, patch, key } = made(Codec::Model, 256);
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    let (mut workspace, mut slot) = (vec![0; header.workspace_len()], vec![0; new.len()]);
    let mut buffer = vec![0; header.chunk_ram() as usize];
    let options = ApplyOptions::default();
    let half = patch.len() / 2;

    let mut applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    applier.feed(&patch[..half]).unwrap();
    let plain = suspended!(applier);
    drop(applier);
    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    let mut guard = Guard::new(applier, &mut buffer);
    guard.feed(&patch[..half]).unwrap();
    let unsigned = suspended!(guard);
    drop(guard);

    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    let mut guard = Guard::require_signature(applier, key, &mut buffer);
    let refused = guard.resume(plain.len() as u32, reader(&plain), None);
    assert_eq!(refused, Err(ResumeError::OtherVersion));
    let refused = guard.resume(unsigned.len() as u32, reader(&unsigned), None);
    assert_eq!(refused, Err(ResumeError::Damaged));
    // And then it begins from the beginning, with the whole policy.
    guard.feed(&patch[..half]).unwrap();
    // In the middle of what a budget has ended, too, a guard in use stays as it is.
    while !guard.feed_within(&[], 1).unwrap().pending {
        let taken = guard.progress().taken as usize;
        guard.feed_within(&patch[taken..=taken], 1).unwrap();
    }
    let before = guard.progress();
    let refused = guard.resume(unsigned.len() as u32, reader(&unsigned), None);
    assert_eq!(refused, Err(ResumeError::InUse));
    assert_eq!(guard.progress(), before);
    while guard.progress().pending {
        guard.feed(&[]).unwrap();
    }
    let signed = suspended!(guard);
    let refused = guard.resume(signed.len() as u32, reader(&signed), None);
    assert_eq!(refused, Err(ResumeError::InUse));
    drop(guard);

    let mut applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    let refused = applier.resume(signed.len() as u32, reader(&signed), None);
    assert_eq!(refused, Err(ResumeError::OtherVersion));

    let mut small = vec![0; 8];
    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    let mut guard = Guard::require_signature(applier, key, &mut small);
    let refused = guard.resume(signed.len() as u32, reader(&signed), None).unwrap_err();
    assert!(matches!(refused, ResumeError::BufferTooSmall { .. }), "{refused}");
}

/// Takes whatever is said to be signed.
struct Gullible;

impl Verifier for Gullible {
    fn verify(&mut self, _: Algorithm, _: &KeyId, _: &Message, _: &[u8; 64]) -> Verdict {
        Verdict::Right
    }
}

/// Somebody who can write suspensions writes one of a patch of his own, which names a key that is
/// trusted. It does not go on as another one than the patch that is signed.
#[test]
fn a_forged_suspension_does_not_go_on_as_the_signed_patch() {
    let Made { old, patch, key, .. } = made(Codec::Model, 256);
    let evil = edited(&mut Random(99), &old, 50);
    let options = DiffOptions::new().profile(DeviceProfile::linux());
    let forged = diff(&old, &evil, &options.chunks(ChunkSize::Bytes(256))).unwrap().bytes;
    let mut forged = sign::sign(&forged, &self::key("other-ed25519")).unwrap();
    let header = PatchHeader::parse(&forged).unwrap().unwrap();
    let entry = header.header_len as usize + 1;
    forged[entry + 1..entry + 9].copy_from_slice(&key.key_id());
    let forged = &forged[..];

    let (mut workspace, mut slot) = (vec![0; header.workspace_len()], vec![0; evil.len()]);
    let mut buffer = vec![0; header.chunk_ram() as usize];
    let options = ApplyOptions::default();
    let middle = header.body_offset() as usize + 300;
    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    let mut guard = Guard::require_signature(applier, Gullible, &mut buffer);
    guard.feed(&forged[..middle]).unwrap();
    let kept = suspended!(guard);
    drop(guard);
    let len = kept.len() as u32;

    let applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    let mut guard = Guard::require_signature(applier, key, &mut buffer);
    let end = PatchHeader::parse(&patch).unwrap().unwrap().header_len as usize;
    let short = guard.check_front(&patch[..end + 20]).unwrap_err();
    assert_eq!(short.code(), "truncated");
    assert_eq!(guard.check_front(forged).unwrap_err().code(), "wrong-signature");
    let signed = guard.check_front(&patch).unwrap();
    assert_eq!(guard.resume(len, reader(&kept), Some(&signed)), Err(ResumeError::OtherPatch));
    // Without it nothing is known of the patch but what the suspension says: see the threat model.
    guard.resume(len, reader(&kept), None).unwrap();
    guard.feed(&forged[middle..]).unwrap();
    guard.finish().unwrap();
    assert!(slot == evil);
}
