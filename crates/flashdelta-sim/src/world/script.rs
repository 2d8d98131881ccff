//! Scripts of faults that follow from a seed.

use core::ops::Range;
use core::time::Duration;

use super::fault::Fault;
use super::node::NodeId;
use crate::random::Random;

/// Faults at random moments, for each of some nodes: see [`World::suffer`](super::World::suffer).
///
/// Chances are in thousandths, and each of them is a node's own luck.
#[derive(Clone, Debug)]
pub struct Script {
    nodes: Range<u32>,
    moments: Range<Duration>,
    deaths: u16,
    pauses: u16,
    cuts: u16,
    hangs: u16,
    off: Duration,
    operations: u64,
}

impl Script {
    /// Nothing goes wrong with these nodes, until told otherwise, within these moments.
    pub fn new(nodes: Range<u32>, moments: Range<Duration>) -> Self {
        let off = Duration::from_secs(10);
        Self { nodes, moments, deaths: 0, pauses: 0, cuts: 0, hangs: 0, off, operations: 20 }
    }

    /// This many of 1,000 die for good.
    #[must_use]
    pub fn deaths(mut self, chance: u16) -> Self {
        self.deaths = chance;
        self
    }

    /// This many of 1,000 lose their power for a while, or are reset.
    #[must_use]
    pub fn pauses(mut self, chance: u16) -> Self {
        self.pauses = chance;
        self
    }

    /// This many of 1,000 lose their power inside one of the next flash operations.
    #[must_use]
    pub fn cuts(mut self, chance: u16) -> Self {
        self.cuts = chance;
        self
    }

    /// This many of 1,000 hang.
    #[must_use]
    pub fn hangs(mut self, chance: u16) -> Self {
        self.hangs = chance;
        self
    }

    /// Who loses power has it back within this time.
    #[must_use]
    pub fn off(mut self, longest: Duration) -> Self {
        self.off = longest;
        self
    }

    /// The faults, and their times.
    pub fn faults(&self, seed: u64) -> Vec<(Duration, Fault)> {
        let mut faults = Vec::new();
        for node in self.nodes.clone() {
            let random = &mut Random::of(seed, [0x5C12_1717, node.into()]);
            let id = NodeId(node);
            if chance(random, self.pauses) {
                let off_for = up_to(random, self.off);
                let fault = match random.below(3) {
                    0 => Fault::Reset { node: id },
                    _ => Fault::PowerOff { node: id, off_for },
                };
                faults.push((self.moment(random), fault));
            }
            if chance(random, self.cuts) {
                let (after, position) = (random.below(self.operations), random.below(17) as u8);
                let off_for = up_to(random, self.off);
                let fault = Fault::CutFlash { node: id, after, position, off_for };
                faults.push((self.moment(random), fault));
            }
            if chance(random, self.hangs) {
                faults.push((self.moment(random), Fault::Hang { node: id }));
            }
            if chance(random, self.deaths) {
                let off_for = Duration::MAX;
                faults.push((self.moment(random), Fault::PowerOff { node: id, off_for }));
            }
        }
        faults
    }

    fn moment(&self, random: &mut Random) -> Duration {
        let span = self.moments.end.saturating_sub(self.moments.start);
        self.moments.start + up_to(random, span)
    }
}

fn up_to(random: &mut Random, longest: Duration) -> Duration {
    Duration::from_micros(random.below(longest.as_micros() as u64))
}

fn chance(random: &mut Random, thousandths: u16) -> bool {
    random.below(1000) < thousandths.into()
}
