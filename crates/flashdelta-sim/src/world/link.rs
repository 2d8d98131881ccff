//! What happens to datagrams on their way.

use core::time::Duration;

use crate::random::Random;

/// What happens to datagrams from one node to another. Shares are in thousandths.
///
/// They are reordered where the longest delay is longer than the shortest. Each receiver of a
/// multicast has its own luck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    loss: u16,
    duplicates: u16,
    corruption: u16,
    shortest: Duration,
    longest: Duration,
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

impl Link {
    /// A link that delivers each datagram once, unharmed, after a millisecond.
    pub const fn new() -> Self {
        let delay = Duration::from_millis(1);
        Self { loss: 0, duplicates: 0, corruption: 0, shortest: delay, longest: delay }
    }

    /// A link that delivers nothing.
    pub const fn dead() -> Self {
        Self::new().loss(1000)
    }

    /// Loses this many of 1,000 datagrams.
    #[must_use]
    pub const fn loss(mut self, loss: u16) -> Self {
        self.loss = loss;
        self
    }

    /// Delivers this many of 1,000 datagrams twice, each after a delay of its own.
    #[must_use]
    pub const fn duplicates(mut self, duplicates: u16) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// Damages this many of 1,000 datagrams: some bits of a byte, some bytes, or the end is
    /// missing.
    #[must_use]
    pub const fn corruption(mut self, corruption: u16) -> Self {
        self.corruption = corruption;
        self
    }

    /// Delays each datagram by something between these, both included.
    #[must_use]
    pub const fn delay(mut self, shortest: Duration, longest: Duration) -> Self {
        self.shortest = shortest;
        self.longest = longest;
        self
    }

    /// How many times a datagram arrives.
    pub(super) fn copies(&self, random: &mut Random) -> u32 {
        if chance(random, self.loss) {
            0
        } else {
            1 + u32::from(chance(random, self.duplicates))
        }
    }

    /// How long one takes.
    pub(super) fn takes(&self, random: &mut Random) -> Duration {
        let span = self.longest.saturating_sub(self.shortest).as_micros() as u64;
        self.shortest + Duration::from_micros(random.below(span.saturating_add(1)))
    }

    /// Damages one, if its turn has come; whether it did.
    pub(super) fn corrupt(&self, bytes: &mut Vec<u8>, random: &mut Random) -> bool {
        if bytes.is_empty() || !chance(random, self.corruption) {
            return false;
        }
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(4) {
            0 => bytes.truncate(at),
            1 => bytes[at..].iter_mut().take(8).for_each(|byte| *byte ^= random.byte() | 1),
            _ => bytes[at] ^= 1 << random.below(8),
        }
        true
    }
}

fn chance(random: &mut Random, thousandths: u16) -> bool {
    random.below(1000) < thousandths.into()
}

/// What a node has sent and received.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Datagrams sent to one node.
    pub unicasts: u64,
    /// Bytes of them.
    pub unicast_bytes: u64,
    /// Datagrams sent to all; each counts once, however many nodes hear it.
    pub multicasts: u64,
    /// Bytes of them.
    pub multicast_bytes: u64,
    /// Datagrams that arrived, duplicates and damaged ones included.
    pub received: u64,
    /// Bytes of them.
    pub received_bytes: u64,
    /// Datagrams for this node that were lost on their way.
    pub lost: u64,
    /// Datagrams that arrived damaged.
    pub corrupted: u64,
    /// Datagrams that came while the node was off, hung, or on its way up.
    pub missed: u64,
}
