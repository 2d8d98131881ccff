//! By the tables of which devices copies are chosen.

/// Copies are chosen by the tables for this much RAM, in bytes.
pub(super) const RUNGS: [u32; 4] = [4 << 10, 16 << 10, 64 << 10, 256 << 10];

/// RAM in bytes by whose tables copies are chosen for a device that has `ram`.
pub(super) fn rung(ram: u32) -> u32 {
    RUNGS.into_iter().rev().find(|rung| *rung <= ram).unwrap_or(ram)
}

/// About how many times a patch for a device with `ram` is coded to find the best tables.
pub(super) fn passes(ram: u32) -> u64 {
    let smaller = RUNGS.into_iter().filter(|rung| *rung < ram).count() as u64;
    4 + 8 * smaller
}
