//! What goes wrong, and when.

use core::time::Duration;

use super::link::Link;
use super::node::NodeId;

/// Something that happens to a world from outside: see [`World::at`](super::World::at).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A node loses its power, between two calls of its program, for some time.
    /// [`Duration::MAX`]: for good.
    PowerOff {
        /// Which.
        node: NodeId,
        /// For how long.
        off_for: Duration,
    },
    /// A node is reset: it keeps its power, and loses its RAM.
    Reset {
        /// Which.
        node: NodeId,
    },
    /// A node loses its power inside a flash operation, for some time. [`Duration::MAX`]: for good.
    CutFlash {
        /// Which.
        node: NodeId,
        /// This many operations from now on are still done.
        after: u64,
        /// Where in the next one it is cut: see [`Cut::position`](crate::Cut::position).
        position: u8,
        /// For how long.
        off_for: Duration,
    },
    /// The program of a node is called no more, until it is reset: by its watchdog, say.
    Hang {
        /// Which.
        node: NodeId,
    },
    /// The network falls into parts: nodes hear those of the same number only. Nodes without a
    /// number have 0. An empty list: the network is whole again.
    Partition {
        /// Number of the part of each node.
        parts: Vec<u32>,
    },
    /// From now on links are like this, all for which there is no [other](super::World::link).
    Links {
        /// Like what.
        link: Link,
    },
}
