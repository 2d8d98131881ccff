//! Updates between two slots of a NOR flash.

use flashdelta::diff::{diff, DeviceProfile, DiffOptions};
use flashdelta::nor::Slot;
use flashdelta::{Codec, PatchHeader};
use flashdelta_sim::{NorSim, Rules};

use super::{code_like, edited, Random};

/// Both slots are half of a flash this large.
pub const SMALL: Slot = Slot::new(0, 32 << 10);
pub type Flash = NorSim<4, 8, 4096>;

pub struct Update {
    pub old: Vec<u8>,
    pub new: Vec<u8>,
    pub patch: Vec<u8>,
}

pub fn patch(old: &[u8], new: &[u8], codec: Codec, page: u32) -> Vec<u8> {
    let mut profile = DeviceProfile::small();
    profile.page = page;
    if codec == Codec::Zstd {
        (profile.ram, profile.codecs) = (DeviceProfile::linux().ram, vec![codec]);
    }
    diff(old, new, &DiffOptions::new().profile(profile).codec(codec)).unwrap().bytes
}

pub fn update(codec: Codec, page: u32, len: usize) -> Update {
    let mut random = Random(u64::from(page));
    let old = code_like(&mut random, len);
    let new = edited(&mut random, &old, 12);
    let patch = patch(&old, &new, codec, page);
    Update { old, new, patch }
}

pub fn workspace(patch: &[u8]) -> Vec<u8> {
    vec![0; PatchHeader::parse(patch).unwrap().unwrap().workspace_len()]
}

/// A used flash with the old image in the first half, which must not be touched.
pub fn flash_with<const READ: usize, const WRITE: usize, const ERASE: usize>(
    old: &[u8],
    slot: Slot,
) -> NorSim<READ, WRITE, ERASE> {
    let mut rules = Rules::default();
    // Nobody can align to units of three bytes.
    rules.memory_alignment = if READ.is_power_of_two() { 4 } else { 1 };
    let mut flash = NorSim::used(2 * slot.len as usize / ERASE, 42).rules(rules);
    flash.load(0, old).unwrap();
    flash.protect(0..slot.len);
    flash
}
