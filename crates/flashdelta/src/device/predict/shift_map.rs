//! The shift map: where old addresses have gone.
//!
//! A bounded table, sorted by old address. It is never sent: maker and applier both learn it, from
//! where each copy reads and writes and from every reference that had to be corrected. An address
//! that has no entry of its own has moved as the nearest entry below it says.

#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// What is known about where an address has gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shift {
    /// New address minus old address, wrapping.
    pub(crate) by: u32,
    /// How sure this is.
    pub(crate) trust: Trust,
}

/// How sure a [`Shift`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// Nothing is known below this address.
    Unknown = 0,
    /// The entries below and above disagree.
    Torn = 1,
    /// The entries below and above agree.
    Between = 2,
    /// This very address has an entry.
    Exact = 3,
}

/// One entry: old address, shift.
pub(crate) type Entry = [u32; 2];

/// The table, in memory that the caller lends.
#[derive(Debug)]
pub(crate) struct ShiftMap<'w> {
    /// Old addresses, ascending, and their shifts; only the first `len` count.
    entries: &'w mut [Entry],
    len: u32,
    /// The last entry that was dropped.
    hand: u32,
}

impl<'w> ShiftMap<'w> {
    /// A map without room for any entry.
    pub(crate) const fn empty() -> Self {
        Self { entries: &mut [], len: 0, hand: 0 }
    }

    /// An empty map with room for as many entries as `memory` holds.
    pub(crate) fn new(memory: &'w mut [u32]) -> Self {
        Self { entries: memory.as_chunks_mut().0, len: 0, hand: 0 }
    }

    /// Into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { entries, len, hand } = self;
        port.number(len);
        port.number(hand);
        port.words(entries.get_mut(..*len as usize).map(|used| used.as_flattened_mut()));
    }

    /// How many entries are used; those that were stay used.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Where `address` has gone.
    #[cfg_attr(target_arch = "riscv32", inline(always))] // More code, less time.
    pub(crate) fn look_up(&self, address: u32) -> Shift {
        let above = self.above(address);
        let Some(i) = above.checked_sub(1) else {
            let by = if self.len == 0 { 0 } else { self.shift(0) };
            return Shift { by, trust: Trust::Unknown };
        };
        let by = self.shift(i);
        let trust = if self.key(i) == address {
            Trust::Exact
        } else if above < self.len() && self.shift(above) != by {
            Trust::Torn
        } else {
            Trust::Between
        };
        Shift { by, trust }
    }

    /// The entry whose new address is nearest at or above `address`, within `reach`: its old
    /// address and the distance.
    pub(crate) fn arriving_at(&self, address: u32, reach: u32) -> Option<(u32, u32)> {
        let mut nearest = (reach, 0);
        for [key, by] in self.entries.get(..self.len()).unwrap_or(&[]) {
            let ahead = key.wrapping_add(*by).wrapping_sub(address);
            if ahead < nearest.0 {
                nearest = (ahead, *key);
            }
        }
        (nearest.0 < reach).then_some((nearest.1, nearest.0))
    }

    /// The shift of the nearest entry above `address`.
    pub(crate) fn look_above(&self, address: u32) -> Option<u32> {
        let above = self.above(address);
        (above < self.len()).then(|| self.shift(above))
    }

    /// Learns that `address` has moved by `by`.
    #[inline(never)] // One copy in the device's flash.
    pub(crate) fn learn(&mut self, address: u32, by: u32) {
        let at = self.above(address);
        if let Some([key, shift]) = self.entries.get_mut(at.wrapping_sub(1)) {
            if *shift == by || *key == address {
                *shift = by;
                return;
            }
        }
        let gap = self.gap();
        // What is between moves into the gap.
        let mut carried = [address, by];
        if gap < at {
            for entry in self.entries.get_mut(gap..at).unwrap_or(&mut []).iter_mut().rev() {
                carried = core::mem::replace(entry, carried);
            }
        } else {
            for entry in self.entries.get_mut(at..gap.wrapping_add(1)).unwrap_or(&mut []) {
                carried = core::mem::replace(entry, carried);
            }
        }
    }

    /// A place for one more entry: an unused one, or else that of the next in turn, which is
    /// dropped.
    fn gap(&mut self) -> usize {
        let free = self.len();
        if free < self.entries.len() {
            self.len = self.len.wrapping_add(1);
            return free;
        }
        // Every second or third in each round: so no part of the map is emptied. (Looking for
        // entries that others make superfluous gains nothing.)
        let next = self.hand.wrapping_add(2);
        self.hand = if next < self.len { next } else { 0 };
        self.hand as usize
    }

    /// Index of the first entry above `address`.
    fn above(&self, address: u32) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.key(middle) <= address {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn key(&self, i: usize) -> u32 {
        self.entries.get(i).map_or(0, |entry| entry[0])
    }

    fn shift(&self, i: usize) -> u32 {
        self.entries.get(i).map_or(0, |entry| entry[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_entry_below_counts() {
        let mut memory = [0; 8];
        let mut map = ShiftMap::new(&mut memory);
        assert_eq!(map.look_up(5), Shift { by: 0, trust: Trust::Unknown });
        map.learn(100, 8);
        map.learn(200, 12);
        assert_eq!(map.look_up(100), Shift { by: 8, trust: Trust::Exact });
        assert_eq!(map.look_up(150), Shift { by: 8, trust: Trust::Torn });
        assert_eq!(map.look_up(250), Shift { by: 12, trust: Trust::Between });
        assert_eq!(map.look_above(150), Some(12));
    }

    #[test]
    fn a_full_map_stays_sorted_and_bounded() {
        let mut memory = [0; 32];
        let mut map = ShiftMap::new(&mut memory);
        let mut seed = 7u32;
        for _ in 0..10_000 {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            map.learn(seed >> 20, seed >> 8 & 7);
            assert!(map.len <= 16);
            assert!(map.entries[..map.len()].windows(2).all(|w| w[0][0] < w[1][0]));
        }
    }
}
