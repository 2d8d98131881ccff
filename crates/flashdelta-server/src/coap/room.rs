//! Room for those who ask: what is bounded makes room for new ones by forgetting the oldest.

use core::hash::Hash;
use std::collections::HashMap;
use std::time::Instant;

/// Removes the oldest eighth, at least one, so that there is room again.
pub(super) fn evict<K: Copy + Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    most: usize,
    seen: impl Fn(&V) -> Instant,
) {
    let mut times: Vec<Instant> = map.values().map(&seen).collect();
    let number = (most / 8).max(map.len().saturating_sub(most)).clamp(1, times.len().max(1));
    if times.is_empty() {
        return;
    }
    let (_, &mut latest, _) = times.select_nth_unstable(number - 1);
    let mut left = number;
    map.retain(|_, value| {
        let stays = left == 0 || seen(value) > latest;
        left -= usize::from(!stays);
        stays
    });
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_go() {
        let start = Instant::now();
        let mut map: HashMap<u32, Instant> =
            (0..16).map(|n| (n, start + Duration::from_secs(n.into()))).collect();
        evict(&mut map, 16, |&seen| seen);
        let mut left: Vec<u32> = map.keys().copied().collect();
        left.sort_unstable();
        assert_eq!(left, (2..16).collect::<Vec<_>>());
        // All of the same age: no more than the eighth go.
        let mut same: HashMap<u32, Instant> = (0..16).map(|n| (n, start)).collect();
        evict(&mut same, 16, |&seen| seen);
        assert_eq!(same.len(), 14);
        evict(&mut HashMap::<u32, Instant>::new(), 16, |&seen| seen);
    }
}
