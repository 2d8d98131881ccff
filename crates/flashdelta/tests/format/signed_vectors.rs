//! The vectors in `testdata/signed`, which an independent script has made and signed.

use std::fs;
use std::path::{Path, PathBuf};

use flashdelta::apply::{Applier, ApplyError, ApplyOptions};
use flashdelta::door::{self, ApplyRequest, PatchError};
use flashdelta::sign::{self, PrivateKey, PublicKey, TrustedKeys};
use flashdelta::verify::{Guard, GuardError, Signature, Verdict, Verifier};
use flashdelta::{Input, PatchHeader};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/signed")
}

fn read(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

fn pem(name: &str) -> String {
    String::from_utf8(read(name)).unwrap()
}

struct Vector {
    name: String,
    is_image: bool,
    old: Vec<u8>,
    patch: Vec<u8>,
    keys: Option<TrustedKeys>,
    /// The new file, or the name of the error.
    expected: Result<Vec<u8>, String>,
}

fn vectors() -> Vec<Vector> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let described = entries.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    described
        .map(|path| {
            let entry: serde_json::Value =
                serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let file = |key: &str| read(entry[key].as_str().unwrap());
            let key = |name: &serde_json::Value| {
                PublicKey::from_pem(&pem(name.as_str().unwrap())).unwrap()
            };
            Vector {
                name: path.file_stem().unwrap().to_string_lossy().into_owned(),
                is_image: entry["kind"] == "patch",
                old: file("old"),
                patch: file("patch"),
                keys: entry["keys"].as_array().map(|names| TrustedKeys::new(names.iter().map(key))),
                expected: entry["error"]
                    .as_str()
                    .map_or_else(|| Ok(file("new")), |error| Err(error.to_owned())),
            }
        })
        .collect()
}

/// The name that the document gives.
fn name(code: &str) -> String {
    if code == "field-too-large" { "too-large" } else { code }.to_owned()
}

/// Through the door, as programs do.
fn by_the_door(vector: &Vector) -> Result<Vec<u8>, String> {
    let mut keys = vector.keys.clone();
    let verifier = keys.as_mut().map(|keys| keys as &mut dyn Verifier);
    let old = Input::from_bytes(&vector.old[..]);
    let request = ApplyRequest::new().require_signature(verifier);
    let applied = door::apply(&old, &vector.patch, request);
    applied.map(|applied| applied.bytes).map_err(|error: PatchError| name(error.code()))
}

/// Through a guard, as devices do; `None` if the error is in what devices do not look at.
fn by_a_guard(vector: &Vector, piece: usize) -> Option<Result<Vec<u8>, String>> {
    let header = PatchHeader::parse(&vector.patch).ok().flatten();
    let ends = |header: PatchHeader| header.body_offset() as usize + header.body_len as usize;
    // What is wrong with the host section is not for devices.
    let has_body = header.is_none_or(|header| vector.patch.len() >= ends(header));
    if !vector.is_image || vector.expected.is_err() && header.is_some() && !has_body {
        return None;
    }
    let mut slot = vec![0; header.map_or(0, |header| header.new_size as usize)];
    let (mut workspace, mut buffer) = (vec![0; 64 << 10], vec![0; 68 << 10]);
    let (old, options) = (&vector.old[..], ApplyOptions::default());
    let applier = Applier::new(&mut workspace, old, &mut slot[..], options);
    let mut guard = Guard::with_policy(applier, vector.keys.clone(), &mut buffer);
    let fed = vector.patch.chunks(piece).try_for_each(|piece| guard.feed(piece).map(drop));
    let done = match fed {
        Ok(()) => guard.finish().map(drop).map_err(|error| name(error.code())),
        Err(GuardError::Apply(ApplyError::Poisoned)) => unreachable!("the first error is final"),
        Err(error) => Err(name(error.code())),
    };
    Some(done.map(|()| slot))
}

#[test]
fn all_agree_with_the_vectors() {
    let vectors = vectors();
    assert!(vectors.len() > 40, "only {}", vectors.len());
    for vector in vectors {
        assert!(
            by_the_door(&vector) == vector.expected,
            "{}: {:?}",
            vector.name,
            by_the_door(&vector).err()
        );
        for piece in [1, 7, 100, vector.patch.len()] {
            if let Some(found) = by_a_guard(&vector, piece) {
                assert!(found == vector.expected, "{}: {:?}", vector.name, found.err());
            }
        }
    }
}

/// Keys and signatures of OpenSSL are ours, and the other way round; the same message gives the
/// same signature as in the package `cryptography`.
#[test]
fn keys_and_signatures_are_those_of_others() {
    for (name, made) in
        [("ed25519", "signed-ed25519-cryptography"), ("p256", "signed-p256-cryptography")]
    {
        let private = PrivateKey::from_pem(&pem(&format!("{name}.pem"))).unwrap();
        let public = PublicKey::from_pem(&pem(&format!("{name}.pub.pem"))).unwrap();
        assert_eq!(private.public(), public);
        assert_eq!(public.to_pem(), pem(&format!("{name}.pub.pem")));
        assert_eq!(PrivateKey::from_pem(&private.to_pem()).unwrap().public(), public);
        let patch = read(&format!("{made}.patch"));
        let theirs = sign::signatures(&patch).unwrap()[0];
        let message = sign::message(&patch).unwrap();
        assert_eq!(private.sign(&message), theirs);
        let signed = sign::sign(&read("chunks.patch"), &private).unwrap();
        assert!(signed == patch);
    }
}

/// The adapters for devices agree with what hosts use.
#[test]
fn adapters_agree() {
    use flashdelta::apply::SoftwareSha256;
    use flashdelta::verify::adapters::{Ed25519Key, P256Key};

    let public = |name: &str| PublicKey::from_pem(&pem(&format!("{name}.pub.pem"))).unwrap();
    let sha = &mut SoftwareSha256;
    let (ed25519, p256) = (public("ed25519"), public("p256"));
    let key = Ed25519Key::new(sha, ed25519.bytes().try_into().unwrap());
    #[cfg(feature = "salty")]
    let key = (
        key,
        flashdelta::verify::adapters::SaltyKey::new(sha, ed25519.bytes().try_into().unwrap()),
    );
    let mut device = (key, [P256Key::new(sha, p256.bytes().try_into().unwrap())]);
    let mut host = TrustedKeys::new([ed25519, p256]);
    let mut seen = [0; 3];
    for vector in vectors() {
        let Ok(Some(header)) = PatchHeader::parse(&vector.patch) else { continue };
        let (start, end) =
            (header.header_len as usize, header.header_len + header.signatures_len());
        let Some(block) = vector.patch.get(start..end as usize) else { continue };
        let message = flashdelta::verify::message(sha, &vector.patch[..start]);
        for Signature { algorithm, key_id, bytes, .. } in Signature::list(block) {
            let Some(algorithm) = flashdelta::verify::Algorithm::from_number(algorithm) else {
                continue;
            };
            let found = device.verify(algorithm, &key_id, &message, &bytes);
            assert_eq!(found, host.verify(algorithm, &key_id, &message, &bytes), "{}", vector.name);
            seen[match found {
                Verdict::Right => 0,
                Verdict::UnknownKey => 1,
                Verdict::Wrong => 2,
            }] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 3), "{seen:?}");
}
