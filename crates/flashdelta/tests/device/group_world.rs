//! Worlds in which a group is updated: nodes with a record in flash and a bootloader, coordinators
//! that die and are replaced.
//!
//! The nodes' patch is a toy here, pieces that they count.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::BTreeSet;
use std::rc::Rc;

use flashdelta::group::{
    Authentication, Campaign, CampaignPhase, Coordinator, CoordinatorAction, Decision, Facts,
    MessageError, Node, NodeAction, NodeEntry, NodeError, Refusal, Stage, Target, Timing,
    MAX_MESSAGE_LEN,
};
use flashdelta::nor::Records;
use flashdelta::receive::{Action, Distributor, Patience, Plan, Status, To};
use flashdelta::{DeviceIdentity, Identity};
use flashdelta_sim::world::{Bootloader, Node as Host, NodeId, Program, SharedFlash, Storage};
use flashdelta_sim::NorSim;

pub(super) const KEY: &[u8] = b"the key of the group of the test";
pub(super) const OLD: [u8; 8] = [1; 8];
pub(super) const NEW: [u8; 32] = [2; 32];
const PATCH: [u8; 8] = [9; 8];

/// Kinds of datagrams.
const GROUP: u8 = 0;
const ASK: u8 = 1;
const HEAD: u8 = 2;
const DATA: u8 = 3;
const STATUS: u8 = 4;

/// A watchdog of each node.
const WATCHDOG: Duration = Duration::from_secs(60);

pub(super) fn target() -> Target {
    Target {
        identity: Identity { product: 7, hardware_from: 1, hardware_to: 3, security_counter: 5 },
        old: OLD,
        new: NEW,
        new_size: 1000,
        patch: PATCH,
        go_ahead: Duration::from_secs(200),
        health: Duration::from_secs(20),
    }
}

/// What all of a world have in common.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) coordinators: u32,
    pub(super) nodes: u32,
    pub(super) quorum: u16,
    /// Pieces of the patch, and bytes of each.
    pub(super) pieces: u32,
    pub(super) piece: usize,
    pub(super) timing: Timing,
    pub(super) key: &'static [u8],
}

impl Setting {
    fn plan(&self) -> Plan {
        Plan { patch: PATCH, table_pieces: 1, pieces: self.pieces }
    }

    pub(super) fn node_ids(&self) -> impl Iterator<Item = NodeId> {
        (self.coordinators..self.coordinators + self.nodes).map(NodeId)
    }

    pub(super) fn campaign(&self) -> Campaign {
        Campaign { group: 77, number: 1, target: target(), quorum: self.quorum }
    }
}

/// What is watched over the whole world.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Who has ever verified the new image.
    pub(super) verified: BTreeSet<u32>,
    /// Who has ever started it.
    pub(super) started: BTreeSet<u32>,
    /// What anybody has ever known to be decided.
    pub(super) decided: BTreeSet<u8>,
    /// Bytes that coordinators have sent to all while the patch was distributed.
    pub(super) multicast: usize,
}

impl Ledger {
    fn decide(&mut self, decision: Decision) {
        self.decided.insert(decision as u8);
        for (a, b) in [(Decision::Abort, Decision::Commit), (Decision::Keep, Decision::Revert)] {
            let has = |decision: Decision| self.decided.contains(&(decision as u8));
            assert!(!(has(a) && has(b)), "both {a:?} and {b:?}");
        }
    }

    pub(super) fn has(&self, decision: Decision) -> bool {
        self.decided.contains(&(decision as u8))
    }
}

/// How a node behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Manner {
    Good,
    /// The new image is never healthy on it.
    Sick,
    /// It is another product.
    Stranger,
    /// It cannot be brought into a safe state at first.
    Busy,
}

#[derive(Clone)]
pub(super) enum Role {
    /// It starts at this time.
    Coordinator(Rc<Setting>, Rc<RefCell<Ledger>>, Duration),
    Node(Rc<Setting>, Rc<RefCell<Ledger>>, Manner),
}

/// What of a node survives, beside its record.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) bootloader: Bootloader,
    has_head: bool,
    held: Vec<u8>,
    /// The other slot has the new image.
    has_new: bool,
    /// Safe states that it has failed to reach.
    refusals: u8,
}

impl Storage for Memory {
    fn cut_after(&mut self, _after: u64, _position: u8) {}

    fn is_off(&self) -> bool {
        false
    }

    fn power_on(&mut self) {}
}

pub(super) type Flash = SharedFlash<1, 4, 256>;
pub(super) type Kept = (Flash, Memory);

pub(super) fn storage(seed: u64) -> Kept {
    (Flash::new(NorSim::used(2, seed)), Memory::default())
}

pub(super) enum Party {
    Coordinator(Box<Lead>),
    Node(Box<Follow>),
}

pub(super) struct Lead {
    setting: Rc<Setting>,
    ledger: Rc<RefCell<Ledger>>,
    pub(super) machine: Option<Coordinator<'static, 'static>>,
    starts: Duration,
}

pub(super) struct Follow {
    setting: Rc<Setting>,
    ledger: Rc<RefCell<Ledger>>,
    manner: Manner,
    pub(super) machine: Node<'static, Records<Flash>>,
    /// What it is about to finish, and when.
    task: Option<(Duration, Task)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Task {
    Prepare,
    Apply,
    Check,
}

/// Memory that a device would have as a static.
pub(super) fn leak<T: Clone + Default>(len: usize) -> &'static mut [T] {
    Box::leak(vec![T::default(); len].into_boxed_slice())
}

fn ms(random: u64, from: u64, to: u64) -> Duration {
    Duration::from_millis(from + random % (to - from))
}

impl Lead {
    fn start(&mut self, host: &mut Host<'_, Kept>) {
        let setting = &self.setting;
        let count = setting.nodes as usize;
        let (receivers, bits) = (leak(count), leak(Distributor::bits_len(&setting.plan(), count)));
        let distributor = Distributor::new(setting.plan(), Patience::default(), receivers, bits);
        let nodes = leak(count);
        nodes.iter_mut().zip(setting.node_ids()).for_each(|(n, id)| *n = NodeEntry::new(id.0));
        let key = Authentication::Key(setting.key);
        let (random, now) = (host.random() as u32, host.now());
        let machine = Coordinator::new(
            setting.campaign(),
            setting.timing,
            nodes,
            distributor,
            key,
            random,
            now,
        );
        self.machine = Some(machine.expect("the quorum can be"));
    }

    fn go_on(&mut self, host: &mut Host<'_, Kept>) {
        let now = host.now();
        if now < self.starts {
            return host.wake_after(self.starts - now);
        }
        if self.machine.is_none() {
            self.start(host);
        }
        let Some(machine) = &mut self.machine else { return };
        let mut out = [0; MAX_MESSAGE_LEN];
        let action = machine.next(now, &mut out);
        if let Some(decided) = machine.decided() {
            self.ledger.borrow_mut().decide(decided);
        }
        let (to, bytes) = match action {
            CoordinatorAction::Send { to, len } => (to, [&[GROUP], &out[..len]].concat()),
            CoordinatorAction::Distribute(Action::Header { to }) => (to, vec![HEAD; 200]),
            CoordinatorAction::Distribute(Action::Send { pieces, to }) => {
                let mut bytes = vec![DATA, pieces.numbers().len() as u8];
                pieces.numbers().iter().for_each(|number| bytes.extend(number.to_le_bytes()));
                bytes.resize(bytes.len() + self.setting.piece, 0);
                (to, bytes)
            }
            CoordinatorAction::Distribute(Action::Ask { to, question }) => {
                (to, [&[ASK][..], &question.to_le_bytes()].concat())
            }
            CoordinatorAction::Wait { until } => {
                if machine.phase() == CampaignPhase::Deposed {
                    // Whoever has replaced it may die, too.
                    self.machine = None;
                    self.starts = now + ms(host.random(), 60_000, 240_000);
                    return host.wake_after(self.starts - now);
                }
                return host.wake_after((until - now).min(Duration::from_secs(60)));
            }
            action => panic!("{action:?}"),
        };
        match to {
            To::All => {
                if machine.phase() == CampaignPhase::Distribute {
                    self.ledger.borrow_mut().multicast += bytes.len();
                }
                host.multicast(&bytes);
            }
            To::One(address) => host.send(NodeId(address), &bytes),
        }
        host.wake_after(Duration::from_millis(5));
    }
}

impl Follow {
    fn boot(
        setting: &Rc<Setting>,
        ledger: &Rc<RefCell<Ledger>>,
        manner: Manner,
        host: &mut Host<'_, Kept>,
    ) -> Self {
        let slot = host.storage().1.bootloader.boot();
        let runs_new = slot == 1;
        let product = if manner == Manner::Stranger { 8 } else { 7 };
        let facts = Facts {
            identity: DeviceIdentity { product, hardware: 2, security_counter: 5 },
            slot: 2000,
            running: if runs_new { [2; 8] } else { OLD },
        };
        if host.storage().1.held.is_empty() {
            host.storage().1.held = vec![0; setting.pieces.div_ceil(8) as usize];
        }
        let flash = host.storage().0.clone();
        let records = Records::new(flash, 0, 512).expect("it fits");
        let (now, random) = (host.now(), host.random() as u32);
        let key = Authentication::Key(setting.key);
        let opened = Node::open(records, 77, host.id().0, facts, key, random, now);
        let machine = match opened {
            Ok(machine) => machine,
            // It dies again as it boots: this is what it would have done.
            Err(error) => {
                assert!(host.storage().is_off(), "{error}");
                let records = Records::new(Flash::new(NorSim::new(2)), 0, 512).expect("it fits");
                Node::open(records, 0, 0, facts, key, 0, now).expect("a blank one opens")
            }
        };
        if runs_new {
            let known = machine.known();
            let may = host.storage().is_off() || known.is_some_and(|d| d != Decision::Abort);
            assert!(may, "{:?} runs the new image and knows {known:?}", host.id());
        }
        let (setting, ledger) = (setting.clone(), ledger.clone());
        Self { setting, ledger, manner, machine, task: None }
    }

    fn has(&self, held: &[u8], piece: u32) -> bool {
        held[piece as usize / 8] >> (piece % 8) & 1 == 1
    }

    fn is_complete(&self, memory: &Memory) -> bool {
        memory.has_head && (0..self.setting.pieces).all(|piece| self.has(&memory.held, piece))
    }

    fn go_on(&mut self, host: &mut Host<'_, Kept>) {
        host.watchdog(WATCHDOG);
        if let Err(error) = self.try_to_go_on(host) {
            assert!(host.storage().is_off(), "{error}");
            return;
        }
        if self.machine.stage() == Stage::Verified {
            self.ledger.borrow_mut().verified.insert(host.id().0);
        }
        if let Some(known) = self.machine.known() {
            self.ledger.borrow_mut().decide(known);
        }
    }

    fn try_to_go_on(
        &mut self,
        host: &mut Host<'_, Kept>,
    ) -> Result<(), NodeError<flashdelta::nor::SlotError<flashdelta_sim::SimError>>> {
        let now = host.now();
        if let Some((_, task)) = self.task.filter(|(due, _)| now >= *due) {
            self.task = None;
            match task {
                Task::Prepare => {
                    let memory = &mut host.storage().1;
                    let fails = self.manner == Manner::Busy && memory.refusals < 2;
                    memory.refusals += u8::from(fails);
                    let result = if fails { Err(Refusal::Unsafe) } else { Ok(()) };
                    self.machine.prepared(result, now)?;
                }
                Task::Apply => {
                    host.storage().1.has_new = true;
                    self.machine.verified(&NEW, now)?;
                    if self.machine.stage() == Stage::Activating {
                        self.ledger.borrow_mut().verified.insert(host.id().0);
                    }
                }
                Task::Check => {
                    host.storage().1.bootloader.confirm();
                    self.machine.healthy(now)?;
                }
            }
        }
        let receives = self.machine.stage() == Stage::Receiving;
        if receives && self.task.is_none() && self.is_complete(&host.storage().1) {
            let takes = ms(host.random(), 500, 5000);
            self.task = Some((now + takes, Task::Apply));
        }
        let mut out = [0; MAX_MESSAGE_LEN];
        loop {
            match self.machine.next(now, &mut out)? {
                NodeAction::Send { to, len } => {
                    let bytes = [&[GROUP], &out[..len]].concat();
                    match to {
                        To::All => host.multicast(&bytes),
                        To::One(address) => host.send(NodeId(address), &bytes),
                    }
                }
                NodeAction::Prepare => {
                    self.task = Some((now + ms(host.random(), 100, 2000), Task::Prepare));
                }
                NodeAction::Drop => self.task = None,
                NodeAction::Activate => {
                    let mut ledger = self.ledger.borrow_mut();
                    let verified = ledger.verified.len();
                    assert!(host.storage().1.has_new, "it starts what is not there");
                    assert!(
                        verified >= self.setting.quorum.into(),
                        "{:?} starts the new image, and {verified} have verified",
                        host.id()
                    );
                    ledger.started.insert(host.id().0);
                    host.storage().1.bootloader.select(1);
                    host.reboot();
                    return Ok(());
                }
                NodeAction::Check => {
                    if self.manner != Manner::Sick {
                        self.task = Some((now + ms(host.random(), 500, 4000), Task::Check));
                    }
                }
                NodeAction::Keep => {}
                NodeAction::Revert => {
                    host.storage().1.bootloader.go_back(0);
                    host.reboot();
                    return Ok(());
                }
                NodeAction::Wait { until } => {
                    let until = self.task.map_or(until, |(due, _)| due.min(until));
                    let wait = until.saturating_sub(now).min(WATCHDOG / 2);
                    host.wake_after(wait.max(Duration::from_millis(1)));
                    return Ok(());
                }
                action => panic!("{action:?}"),
            }
        }
    }

    /// Takes pieces that came as one.
    fn data(&self, memory: &mut Memory, bytes: &[u8]) {
        let Some((count, rest)) = bytes.split_first() else { return };
        let Some(numbers) = rest.get(..4 * usize::from(*count)) else { return };
        if rest.len() != numbers.len() + self.setting.piece || !memory.has_head {
            return;
        }
        let numbers: Vec<_> =
            numbers.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect();
        if numbers.iter().any(|number| *number >= self.setting.pieces) {
            return;
        }
        let missing: Vec<_> =
            numbers.iter().filter(|piece| !self.has(&memory.held, **piece)).collect();
        if let [missing] = missing[..] {
            if *missing == 0 || self.has(&memory.held, 0) {
                memory.held[*missing as usize / 8] |= 1 << (missing % 8);
            }
        }
    }

    fn status(&self, memory: &Memory, question: u16) -> Vec<u8> {
        let pieces = self.setting.pieces;
        let (patch, pieces) = if memory.has_head { (PATCH, pieces) } else { ([0; 8], 0) };
        let mut out = vec![STATUS; 1 + Status::max_len(self.setting.pieces)];
        let len = Status::write(&mut out[1..], question, patch, pieces, &memory.held);
        out.truncate(1 + len);
        out
    }
}

impl Program for Party {
    type Role = Role;
    type Storage = Kept;

    fn boot(role: &Role, host: &mut Host<'_, Kept>) -> Self {
        match role {
            Role::Coordinator(setting, ledger, starts) => {
                host.wake_after(Duration::from_millis(1));
                let (setting, ledger) = (setting.clone(), ledger.clone());
                Self::Coordinator(Box::new(Lead {
                    setting,
                    ledger,
                    machine: None,
                    starts: *starts,
                }))
            }
            Role::Node(setting, ledger, manner) => {
                host.watchdog(WATCHDOG);
                host.wake_after(Duration::from_millis(1));
                Self::Node(Box::new(Follow::boot(setting, ledger, *manner, host)))
            }
        }
    }

    fn timer(&mut self, host: &mut Host<'_, Kept>) {
        match self {
            Self::Coordinator(lead) => lead.go_on(host),
            Self::Node(node) => node.go_on(host),
        }
    }

    fn datagram(&mut self, from: NodeId, bytes: &[u8], host: &mut Host<'_, Kept>) {
        let now = host.now();
        let Some((kind, rest)) = bytes.split_first() else { return };
        match self {
            Self::Coordinator(lead) => {
                let Some(machine) = &mut lead.machine else { return };
                match *kind {
                    GROUP => no_contradiction(machine.receive(rest, now)),
                    STATUS => {
                        if let Some(status) = Status::parse(rest) {
                            machine.status(from.0, &status, now);
                        }
                    }
                    _ => return,
                }
                host.wake_after(Duration::ZERO);
            }
            Self::Node(node) => {
                match *kind {
                    GROUP => match node.machine.receive(from.0, rest, now) {
                        Err(NodeError::Message(error)) => no_contradiction(Err(error)),
                        Err(error) => {
                            assert!(host.storage().is_off(), "{error}");
                            return;
                        }
                        Ok(()) => {}
                    },
                    HEAD => host.storage().1.has_head |= bytes == vec![HEAD; 200],
                    DATA => node.data(&mut host.storage().1, rest),
                    ASK if rest.len() == 2 => {
                        let question = u16::from_le_bytes([rest[0], rest[1]]);
                        let status = node.status(&host.storage().1, question);
                        host.send(from, &status);
                    }
                    _ => return,
                }
                node.go_on(host);
            }
        }
    }
}

fn no_contradiction(result: Result<(), MessageError>) {
    assert_ne!(result, Err(MessageError::Contradiction));
}
