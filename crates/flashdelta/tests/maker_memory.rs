//! What the maker takes at most, on pairs that were made to take much. A test binary of its own: it
//! counts all that is allocated.

#[allow(unreachable_pub, reason = "shared with other tests")]
#[path = "common/counting.rs"]
mod counting;
#[allow(unreachable_pub, reason = "shared with other tests")]
#[path = "common/hostile_pairs.rs"]
mod hostile_pairs;

use flashdelta::diff::{diff, memory_needed, DiffOptions};
use hostile_pairs::FAMILIES;

#[global_allocator]
static COUNTING: counting::Counting = counting::Counting;

const MIB: usize = 1 << 20;

/// Peak of what making a patch allocates, both images counted, in bytes per byte of them.
fn peak(old: &[u8], new: &[u8], options: &DiffOptions) -> usize {
    let both = old.len() + new.len();
    both + counting::peak(|| diff(old, new, options).unwrap())
}

/// One test: others at the same time would be counted, too.
#[test]
fn memory_is_bounded_on_hostile_pairs() {
    // With one prediction, nothing is tried at the same time that is not for it. Short matches that
    // are near may take 32 MiB beside.
    let one =
        DiffOptions::new().threads(2).base(0x0800_0000).isa(flashdelta::InstructionSet::Thumb);
    let all = DiffOptions::new().threads(4);
    for family in FAMILIES {
        let [old, new] = family.pair(MIB / 4);
        let both = old.len() + new.len();
        let (peak_one, limit) = (peak(&old, &new, &one), 16 * both + 36 * MIB);
        assert!(peak_one <= limit, "{}: {peak_one} bytes, {limit} allowed", family.name);
        let [old, new] = family.pair(MIB / 8);
        let peak_all = peak(&old, &new, &all);
        let limit = memory_needed(old.len() as u64, new.len() as u64, &all) as usize;
        assert!(peak_all <= limit, "{}: {peak_all} bytes, {limit} told", family.name);
    }
}
