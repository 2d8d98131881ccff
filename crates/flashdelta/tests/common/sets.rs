//! Sets for tests, and what they are applied with.

use flashdelta::diff::{DeviceProfile, DiffOptions};
use flashdelta::set::{self, Component, ComponentName, SetOptions};
use flashdelta::update::set::Kind;

use super::toy::Toy;

pub fn signed(set: &[u8], keys: &[u8]) -> Vec<u8> {
    keys.iter().fold(set.to_vec(), |set, key| {
        let signature = Toy(*key).sign(&set::message(&set).unwrap());
        set::attach(&set, signature).unwrap()
    })
}

/// Bytes that do not compress much, and the same with some edits.
pub fn images(seed: u32, len: usize) -> (Vec<u8>, Vec<u8>) {
    let mut state = seed.wrapping_mul(2654435761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    let old: Vec<u8> = (0..len).map(|_| next()).collect();
    let mut new = old.clone();
    for at in (len / 5..len).step_by(len / 4 + 1) {
        new[at] ^= 0x55;
    }
    new.extend((0..len / 20).map(|_| next()));
    (old, new)
}

/// How the sets of tests are made: quickly, for little RAM.
pub fn quick() -> SetOptions {
    SetOptions::new().diff(DiffOptions::new().profile(DeviceProfile::tiny()).effort(1))
}

pub fn partition(name: &str) -> ComponentName {
    ComponentName::Partition(name.into())
}

/// The child of the test devices.
pub fn child() -> ComponentName {
    ComponentName::Child { id: 3, name: "motor".into() }
}

/// What the test devices have: name, kind, old image, new image.
pub fn three() -> [(ComponentName, Kind, Vec<u8>, Vec<u8>); 3] {
    let part = |name, kind, seed, len| {
        let (old, new) = images(seed, len);
        (name, kind, old, new)
    };
    [
        part(child(), Kind::Child, 1, 500),
        part(partition("files"), Kind::FileSystem, 2, 300),
        part(partition("app"), Kind::Application, 3, 700),
    ]
}

/// The set that updates all three.
pub fn three_in_a_set() -> Vec<u8> {
    let components = three().map(|(name, kind, old, new)| Component::update(kind, name, old, new));
    set::make(&components, &quick()).unwrap()
}
