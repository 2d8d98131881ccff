//! Counts steps of the maker in tests: what a run costs, whatever the machine.

/// Counts steps of a kind that there may be too many of.
#[inline(always)]
pub(super) fn count(steps: usize) {
    #[cfg(test)]
    tests::STEPS.with(|total| total.set(total.get() + steps as u64));
    #[cfg(not(test))]
    let _ = steps;
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::super::{diff, DiffOptions};
    use crate::host::diff::tests_families::{Family, FAMILIES};

    std::thread_local! {
        pub(super) static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    /// Steps on a pair of images of this length, all in this thread.
    fn steps(family: &Family, len: usize) -> u64 {
        let [old, new] = family.pair(len);
        STEPS.set(0);
        diff(&old, &new, &DiffOptions::new().threads(1).isa(None)).unwrap();
        STEPS.get()
    }

    #[test]
    fn work_grows_with_the_size_on_hostile_pairs() {
        for family in FAMILIES {
            let (small, large) = (steps(&family, 24 << 10), steps(&family, 96 << 10));
            assert!(small > 10_000, "{}: {small}", family.name);
            let growth = large as f64 / small as f64;
            assert!(growth < 4.0 * 1.4, "{}: {small}, {large}: {growth:.1} fold", family.name);
            assert!(large < 600 * (192 << 10), "{}: {large}", family.name);
        }
    }
}
