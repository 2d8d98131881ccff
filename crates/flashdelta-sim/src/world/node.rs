//! A node as its program sees it.

use core::time::Duration;

use super::storage::Storage;
use crate::random::Random;

/// Number of a node, from 0 in the order in which they were added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u32);

/// What runs on a node.
///
/// Its state is RAM: it is dropped at every reset, and [`boot`](Self::boot) makes another one.
pub trait Program: Sized {
    /// What a node is for; the same at every boot.
    type Role;
    /// What survives a reset.
    type Storage: Storage;

    /// The node starts.
    fn boot(role: &Self::Role, node: &mut Node<'_, Self::Storage>) -> Self;

    /// A datagram has arrived.
    fn datagram(&mut self, from: NodeId, bytes: &[u8], node: &mut Node<'_, Self::Storage>);

    /// The timer has run out.
    fn timer(&mut self, node: &mut Node<'_, Self::Storage>);
}

/// What a program wants.
pub(super) enum Wish {
    Send { to: Option<NodeId>, bytes: Vec<u8> },
    Wake(Duration),
    Watchdog(Option<Duration>),
    Reboot,
}

/// A node, as lent to its [`Program`] for one call.
///
/// Once the power has gone (in a flash operation), nothing that is asked of it happens any more.
pub struct Node<'a, S> {
    pub(super) id: NodeId,
    pub(super) now: Duration,
    pub(super) storage: &'a mut S,
    pub(super) random: &'a mut Random,
    pub(super) wishes: Vec<Wish>,
}

impl<S: Storage> Node<'_, S> {
    /// Its number.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Time since the world began. Clocks of all nodes are right.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// What survives a reset.
    pub fn storage(&mut self) -> &mut S {
        self.storage
    }

    /// A random number.
    pub fn random(&mut self) -> u64 {
        self.random.next()
    }

    /// Sends a datagram to one node.
    pub fn send(&mut self, to: NodeId, bytes: &[u8]) {
        self.wish(Wish::Send { to: Some(to), bytes: bytes.to_vec() });
    }

    /// Sends a datagram to all others.
    pub fn multicast(&mut self, bytes: &[u8]) {
        self.wish(Wish::Send { to: None, bytes: bytes.to_vec() });
    }

    /// Sets the timer, which is one: what was set before is forgotten.
    pub fn wake_after(&mut self, delay: Duration) {
        self.wish(Wish::Wake(self.now.saturating_add(delay)));
    }

    /// Starts the watchdog, or starts it again: after this time the node is reset.
    pub fn watchdog(&mut self, delay: Duration) {
        self.wish(Wish::Watchdog(Some(self.now.saturating_add(delay))));
    }

    /// Stops the watchdog.
    pub fn stop_watchdog(&mut self) {
        self.wish(Wish::Watchdog(None));
    }

    /// Resets the node, once the call is over.
    pub fn reboot(&mut self) {
        self.wish(Wish::Reboot);
    }

    fn wish(&mut self, wish: Wish) {
        if !self.storage.is_off() {
            self.wishes.push(wish);
        }
    }
}
