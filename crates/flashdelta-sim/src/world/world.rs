//! The clock, and what happens when.

use core::time::Duration;
use std::collections::BTreeMap;

use super::fault::Fault;
use super::link::{Link, Traffic};
use super::node::{Node, NodeId, Program, Wish};
use super::script::Script;
use super::storage::Storage;
use crate::random::Random;

/// How long a node takes from a reset to its program, unless told otherwise.
const BOOT_TIME: Duration = Duration::from_millis(100);

/// Nodes, links, and a clock: see the [module](super).
pub struct World<P: Program> {
    now: Duration,
    random: Random,
    nodes: Vec<Slot<P>>,
    /// What is to come, by time and then by the order in which it was caused.
    queue: BTreeMap<(Duration, u64), Event>,
    /// How many events were caused.
    caused: u64,
    links: Link,
    special: BTreeMap<(NodeId, NodeId), Link>,
    parts: Vec<u32>,
    boot_time: Duration,
    /// Bytes in a second that a node can send; 0 for no limit.
    rate: u32,
}

struct Slot<P: Program> {
    role: P::Role,
    storage: P::Storage,
    /// None: it is off, or on its way up.
    program: Option<P>,
    hangs: bool,
    /// Counts resets, so that what was meant for an earlier life is known.
    life: u64,
    boots: u64,
    wake: Option<Duration>,
    watchdog: Option<Duration>,
    /// How long it stays off when the power goes in a flash operation.
    off_for: Duration,
    /// Its transmitter is busy until then.
    busy: Duration,
    traffic: Traffic,
}

enum Event {
    Boot { node: NodeId, life: u64 },
    Datagram { from: NodeId, to: NodeId, bytes: Vec<u8> },
    Wake { node: NodeId, life: u64 },
    Watchdog { node: NodeId, life: u64 },
    Fault(Fault),
}

impl<P: Program> World<P> {
    /// An empty world at time 0.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Duration::ZERO,
            random: Random::of(seed, [u64::MAX, u64::MAX]),
            nodes: Vec::new(),
            queue: BTreeMap::new(),
            caused: 0,
            links: Link::new(),
            special: BTreeMap::new(),
            parts: Vec::new(),
            boot_time: BOOT_TIME,
            rate: 0,
        }
    }

    /// Adds a node. It boots now.
    pub fn add(&mut self, role: P::Role, storage: P::Storage) -> NodeId {
        let node = NodeId(self.nodes.len() as u32);
        self.nodes.push(Slot {
            role,
            storage,
            program: None,
            hangs: false,
            life: 0,
            boots: 0,
            wake: None,
            watchdog: None,
            off_for: Duration::ZERO,
            busy: Duration::ZERO,
            traffic: Traffic::default(),
        });
        self.cause(self.now, Event::Boot { node, life: 0 });
        node
    }

    /// All links are like this, but those for which there is [another](Self::link).
    pub fn links(&mut self, link: Link) {
        self.links = link;
    }

    /// The link from one node to another is like this; the one back is not concerned.
    pub fn link(&mut self, from: NodeId, to: NodeId, link: Link) {
        self.special.insert((from, to), link);
    }

    /// Each node can send this many bytes in a second: datagrams wait for those before them. 0, the
    /// default: no limit.
    pub fn rate(&mut self, bytes_per_second: u32) {
        self.rate = bytes_per_second;
    }

    /// How long a node takes from a reset to its program: 100 ms by default.
    pub fn boot_time(&mut self, boot_time: Duration) {
        self.boot_time = boot_time;
    }

    /// Something goes wrong at this time; at once, if that has passed.
    pub fn at(&mut self, time: Duration, fault: Fault) {
        self.cause(time.max(self.now), Event::Fault(fault));
    }

    /// What a script says goes wrong; `seed`: of the script.
    pub fn suffer(&mut self, script: &Script, seed: u64) {
        for (time, fault) in script.faults(seed) {
            self.at(time, fault);
        }
    }

    /// Time since the world began.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The nodes.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<P> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The program of a node, if it runs.
    pub fn program(&self, node: NodeId) -> Option<&P> {
        self.slot(node)?.program.as_ref()
    }

    /// What a node keeps.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    pub fn storage(&self, node: NodeId) -> &P::Storage {
        &self.nodes[node.0 as usize].storage
    }

    /// What a node keeps, to be tampered with.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    pub fn storage_mut(&mut self, node: NodeId) -> &mut P::Storage {
        &mut self.nodes[node.0 as usize].storage
    }

    /// How many times a node has booted.
    pub fn boots(&self, node: NodeId) -> u64 {
        self.slot(node).map_or(0, |slot| slot.boots)
    }

    /// What a node has sent and received.
    pub fn traffic(&self, node: NodeId) -> Traffic {
        self.slot(node).map_or_else(Traffic::default, |slot| slot.traffic)
    }

    /// Lets the next thing happen. False: nothing is to come.
    pub fn step(&mut self) -> bool {
        let Some(((time, _), event)) = self.queue.pop_first() else { return false };
        self.now = time;
        self.happen(event);
        true
    }

    /// Lets things happen until this time.
    pub fn run_until(&mut self, time: Duration) {
        self.run_while(time, |_| true);
    }

    /// Lets things happen as long as `goes_on` says so, which is asked after each. False: it is
    /// this time, or nothing is to come, and it still says so.
    pub fn run_while(&mut self, until: Duration, mut goes_on: impl FnMut(&Self) -> bool) -> bool {
        while goes_on(self) {
            if self.queue.first_key_value().is_none_or(|((time, _), _)| *time > until) {
                self.now = self.now.max(until);
                return false;
            }
            self.step();
        }
        true
    }

    fn slot(&self, node: NodeId) -> Option<&Slot<P>> {
        self.nodes.get(node.0 as usize)
    }

    fn slot_mut(&mut self, node: NodeId) -> Option<&mut Slot<P>> {
        self.nodes.get_mut(node.0 as usize)
    }

    fn cause(&mut self, time: Duration, event: Event) {
        self.queue.insert((time, self.caused), event);
        self.caused += 1;
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Boot { node, life } => self.boot(node, life),
            Event::Datagram { from, to, bytes } => {
                let Some(slot) = self.slot_mut(to) else { return };
                if slot.program.is_none() || slot.hangs {
                    slot.traffic.missed += 1;
                    return;
                }
                slot.traffic.received += 1;
                slot.traffic.received_bytes += bytes.len() as u64;
                self.call(to, |program, node| program.datagram(from, &bytes, node));
            }
            Event::Wake { node, life } => {
                let Some(slot) = self.slot_mut(node) else { return };
                if slot.life == life && slot.wake == Some(now) && !slot.hangs {
                    slot.wake = None;
                    self.call(node, P::timer);
                }
            }
            Event::Watchdog { node, life } => {
                let Some(slot) = self.slot_mut(node) else { return };
                if slot.life == life && slot.watchdog == Some(now) {
                    self.reset(node, Duration::ZERO);
                }
            }
            Event::Fault(fault) => self.fault(fault),
        }
    }

    fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::PowerOff { node, off_for } => self.reset(node, off_for),
            Fault::Reset { node } => {
                // What is off stays off.
                if self.program(node).is_some() {
                    self.reset(node, Duration::ZERO);
                }
            }
            Fault::CutFlash { node, after, position, off_for } => {
                if let Some(slot) = self.slot_mut(node) {
                    slot.off_for = off_for;
                    slot.storage.cut_after(after, position);
                }
            }
            Fault::Hang { node } => {
                if let Some(slot) = self.slot_mut(node) {
                    slot.hangs = slot.program.is_some();
                }
            }
            Fault::Partition { parts } => self.parts = parts,
            Fault::Links { link } => self.links = link,
        }
    }

    /// The RAM is gone, and after some time the node boots again.
    fn reset(&mut self, node: NodeId, off_for: Duration) {
        let time = self.now.checked_add(off_for).and_then(|time| time.checked_add(self.boot_time));
        let Some(slot) = self.slot_mut(node) else { return };
        slot.program = None;
        slot.hangs = false;
        slot.life += 1;
        slot.wake = None;
        slot.watchdog = None;
        let life = slot.life;
        if let Some(time) = time {
            self.cause(time, Event::Boot { node, life });
        }
    }

    fn boot(&mut self, node: NodeId, life: u64) {
        let Some(slot) = self.slot_mut(node).filter(|slot| slot.life == life) else { return };
        // A cut that was ordered for the next operations is still to come.
        if slot.storage.is_off() {
            slot.storage.power_on();
        }
        slot.boots += 1;
        let slot = &mut self.nodes[node.0 as usize];
        let mut lent = Node {
            id: node,
            now: self.now,
            storage: &mut slot.storage,
            random: &mut self.random,
            wishes: Vec::new(),
        };
        let program = P::boot(&slot.role, &mut lent);
        let wishes = lent.wishes;
        slot.program = Some(program);
        self.grant(node, wishes);
    }

    /// Calls the program of a node, and does what it wants.
    fn call(&mut self, id: NodeId, call: impl FnOnce(&mut P, &mut Node<'_, P::Storage>)) {
        let slot = &mut self.nodes[id.0 as usize];
        let Some(program) = &mut slot.program else { return };
        let mut node = Node {
            id,
            now: self.now,
            storage: &mut slot.storage,
            random: &mut self.random,
            wishes: Vec::new(),
        };
        call(program, &mut node);
        let wishes = node.wishes;
        self.grant(id, wishes);
    }

    fn grant(&mut self, node: NodeId, wishes: Vec<Wish>) {
        let life = self.slot(node).map_or(0, |slot| slot.life);
        let mut reboots = false;
        for wish in wishes {
            match wish {
                Wish::Send { to, bytes } => self.send(node, to, &bytes),
                Wish::Wake(time) => {
                    self.nodes[node.0 as usize].wake = Some(time);
                    self.cause(time, Event::Wake { node, life });
                }
                Wish::Watchdog(time) => {
                    self.nodes[node.0 as usize].watchdog = time;
                    if let Some(time) = time {
                        self.cause(time, Event::Watchdog { node, life });
                    }
                }
                Wish::Reboot => reboots = true,
            }
        }
        let slot = &self.nodes[node.0 as usize];
        if slot.storage.is_off() {
            self.reset(node, slot.off_for);
        } else if reboots {
            self.reset(node, Duration::ZERO);
        }
    }

    /// Puts a datagram on its way, once for each receiver.
    fn send(&mut self, from: NodeId, to: Option<NodeId>, bytes: &[u8]) {
        let len = bytes.len() as u64;
        let rate = u64::from(self.rate);
        let slot = &mut self.nodes[from.0 as usize];
        match to {
            Some(_) => {
                slot.traffic.unicasts += 1;
                slot.traffic.unicast_bytes += len;
            }
            None => {
                slot.traffic.multicasts += 1;
                slot.traffic.multicast_bytes += len;
            }
        }
        let takes = (len * 1_000_000).checked_div(rate).unwrap_or(0);
        let sent = slot.busy.max(self.now) + Duration::from_micros(takes);
        slot.busy = sent;
        let receivers = match to {
            Some(to) => to.0..to.0.saturating_add(1),
            None => 0..self.nodes.len() as u32,
        };
        for to in receivers.map(NodeId).filter(|to| *to != from) {
            self.deliver(from, to, bytes, sent);
        }
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, bytes: &[u8], sent: Duration) {
        if to.0 as usize >= self.nodes.len() {
            return;
        }
        let part = |node: NodeId| self.parts.get(node.0 as usize).copied().unwrap_or(0);
        let link = if part(from) == part(to) {
            *self.special.get(&(from, to)).unwrap_or(&self.links)
        } else {
            Link::dead()
        };
        let copies = link.copies(&mut self.random);
        self.nodes[to.0 as usize].traffic.lost += u64::from(copies == 0);
        for _ in 0..copies {
            let mut bytes = bytes.to_vec();
            let corrupted = link.corrupt(&mut bytes, &mut self.random);
            self.nodes[to.0 as usize].traffic.corrupted += u64::from(corrupted);
            let time = sent + link.takes(&mut self.random);
            self.cause(time, Event::Datagram { from, to, bytes });
        }
    }
}
