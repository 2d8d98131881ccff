//! A group whose nodes are real but for their chips: a signed patch in chunks goes to a store in
//! flash, from there through the applier to the other slot, and the image that runs is what the
//! flash holds.

use core::time::Duration;
use std::rc::Rc;

use super::group_world::{leak, Flash, KEY};
use crate::common::pieces::{sha256, Patch};
use crate::common::toy::Toy;
use flashdelta::apply::{Applier, ApplyOptions};
use flashdelta::diff::{self, ChunkSize, DiffOptions};
use flashdelta::group::{
    Authentication, Campaign, CampaignPhase, Coordinator, CoordinatorAction, Decision, Facts, Node,
    NodeAction, NodeEntry, NodeError, Refusal, Stage, Target, Timing, MAX_MESSAGE_LEN,
};
use flashdelta::nor::{NorNew, NorOld, Records, Slot};
use flashdelta::receive::{Action, Distributor, Patience, Plan, Status, Store, To};
use flashdelta::{sign, DeviceIdentity, Identity};
use flashdelta_sim::world::{
    Bootloader, Fault, Link, Node as Host, NodeId, Program, Script, Storage, World,
};
use flashdelta_sim::{NorSim, Rules};

const SECOND: Duration = Duration::from_secs(1);
const WATCHDOG: Duration = Duration::from_secs(60);

/// Kinds of datagrams.
const GROUP: u8 = 0;
const ASK: u8 = 1;
const HEAD: u8 = 2;
const DATA: u8 = 3;
const STATUS: u8 = 4;

/// Where it all is in the flash of a node, whose sectors have 256 bytes.
const SECTOR: u32 = 256;
const RECORD: u32 = 2 * SECTOR;
const SLOT: u32 = 14 * SECTOR;
const SLOTS: [u32; 2] = [RECORD, RECORD + SLOT];
const STORE: Slot = Slot::new(RECORD + 2 * SLOT, 24 * SECTOR);
const SECTORS: usize = (2 + 2 * 14 + 24) as usize;

const COORDINATORS: u32 = 2;
const NODES: u32 = 5;

/// The images, and the patch between them.
struct Release {
    old: Vec<u8>,
    new: Vec<u8>,
    patch: Patch,
}

impl Release {
    fn new() -> Self {
        let (old, other) = crate::common::sets::images(9, 3000);
        // Most of it is new, so that there are several chunks.
        let (fresh, _) = crate::common::sets::images(10, 2000);
        let new = [&other[..1000], &fresh].concat();
        let identity =
            Identity { product: 7, hardware_from: 1, hardware_to: 3, security_counter: 5 };
        let options = DiffOptions::new().ram(16 << 10).identity(identity);
        let made = diff::diff(&old, &new, &options.chunks(ChunkSize::Bytes(256))).expect("a patch");
        let message = sign::message(&made.bytes).expect("it can be signed");
        let signed = sign::attach(&made.bytes, Toy(5).sign(&message)).expect("it has room");
        let patch = Patch::from(signed);
        assert!(patch.pieces() > 5, "they come in any order");
        Self { old, new, patch }
    }

    fn plan(&self) -> Plan {
        let (table_pieces, pieces) = (self.patch.table_pieces(), self.patch.pieces());
        Plan { patch: self.patch.id(), table_pieces, pieces }
    }

    fn campaign(&self) -> Campaign {
        let target = Target {
            identity: self.patch.header.identity.expect("it has one"),
            old: id(&self.old),
            new: self.patch.header.new_digest,
            new_size: self.new.len() as u32,
            patch: self.patch.id(),
            go_ahead: 200 * SECOND,
            health: 20 * SECOND,
        };
        Campaign { group: 77, number: 1, target, quorum: NODES as u16 }
    }
}

fn id(image: &[u8]) -> [u8; 8] {
    *sha256(image).first_chunk().expect("it is longer")
}

#[derive(Clone)]
enum Role {
    /// It starts at this time.
    Coordinator(Rc<Release>, Duration),
    Node(Rc<Release>, Manner),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    /// The new image is never healthy on it.
    Sick,
}

type Kept = (Flash, Bootloader);

enum Party {
    Coordinator(Box<Lead>),
    Node(Box<Follow>),
}

struct Lead {
    release: Rc<Release>,
    machine: Option<Coordinator<'static, 'static>>,
    starts: Duration,
}

struct Follow {
    release: Rc<Release>,
    manner: Manner,
    machine: Node<'static, Records<Flash>>,
    store: Store<'static, Flash>,
    /// What it is about to finish, and when.
    task: Option<(Duration, Task)>,
}

#[derive(Clone, Copy)]
enum Task {
    Prepare,
    Apply,
    Check,
}

/// The power has gone, or it must not have failed.
fn gone<E: core::fmt::Debug>(host: &mut Host<'_, Kept>) -> impl Fn(E) {
    let is_off = host.storage().is_off();
    move |error| assert!(is_off, "{error:?}")
}

impl Lead {
    fn machine(&self, host: &mut Host<'_, Kept>) -> Coordinator<'static, 'static> {
        let (plan, count) = (self.release.plan(), NODES as usize);
        let (receivers, bits) = (leak(count), leak(Distributor::bits_len(&plan, count)));
        let distributor = Distributor::new(plan, Patience::default(), receivers, bits);
        let nodes = leak(count);
        let ids = COORDINATORS..COORDINATORS + NODES;
        nodes.iter_mut().zip(ids).for_each(|(node, id)| *node = NodeEntry::new(id));
        let (key, timing) = (Authentication::Key(KEY), Timing::default().stall(120 * SECOND));
        let (random, now, campaign) = (host.random() as u32, host.now(), self.release.campaign());
        Coordinator::new(campaign, timing, nodes, distributor, key, random, now).expect("it can be")
    }

    fn go_on(&mut self, host: &mut Host<'_, Kept>) {
        let now = host.now();
        if now < self.starts {
            return host.wake_after(self.starts - now);
        }
        let mut machine = match self.machine.take() {
            Some(machine) => machine,
            None => self.machine(host),
        };
        let (mut out, patch) = ([0; MAX_MESSAGE_LEN], &self.release.patch);
        let action = machine.next(now, &mut out);
        let (to, bytes) = match action {
            CoordinatorAction::Send { to, len } => (to, [&[GROUP], &out[..len]].concat()),
            CoordinatorAction::Distribute(Action::Header { to }) => {
                (to, [&[HEAD], patch.front()].concat())
            }
            CoordinatorAction::Distribute(Action::Send { pieces, to }) => {
                let mut bytes = vec![DATA, pieces.numbers().len() as u8];
                pieces.numbers().iter().for_each(|number| bytes.extend(number.to_le_bytes()));
                bytes.extend(patch.sum(pieces.numbers()));
                (to, bytes)
            }
            CoordinatorAction::Distribute(Action::Ask { to, question }) => {
                (to, [&[ASK][..], &question.to_le_bytes()].concat())
            }
            CoordinatorAction::Wait { until } => {
                host.wake_after(until.saturating_sub(now).min(60 * SECOND));
                if machine.phase() == CampaignPhase::Deposed {
                    self.starts = now + 100 * SECOND;
                    return host.wake_after(100 * SECOND);
                }
                self.machine = Some(machine);
                return;
            }
            action => panic!("{action:?}"),
        };
        self.machine = Some(machine);
        match to {
            To::All => host.multicast(&bytes),
            To::One(address) => host.send(NodeId(address), &bytes),
        }
        host.wake_after(Duration::from_millis(5));
    }
}

impl Follow {
    fn boot(release: &Rc<Release>, manner: Manner, host: &mut Host<'_, Kept>) -> Option<Self> {
        let slot = usize::from(host.storage().1.boot());
        let flash = host.storage().0.clone();
        // It runs what is there, whatever that is.
        let longest = flash.borrow().contents(SLOTS[slot]..SLOTS[slot] + SLOT);
        let is_new = id(&longest[..release.new.len()]) == id(&release.new);
        let image = if is_new { &release.new } else { &release.old };
        assert!(longest.starts_with(image), "{:?} runs what is no image", host.id());
        let identity = DeviceIdentity { product: 7, hardware: 2, security_counter: 5 };
        let facts = Facts { identity, slot: SLOT, running: id(image) };
        let records = Records::new(flash.clone(), 0, RECORD).expect("it fits");
        let (now, random) = (host.now(), host.random() as u32);
        let key = Authentication::Key(KEY);
        let opened = Node::open(records, 77, host.id().0, facts, key, random, now);
        let machine = opened.map_err(gone(host)).ok()?;
        let trusted = Box::leak(Box::new(Toy(5)));
        let store = Store::open(flash, STORE, leak(64), Some(trusted));
        let store = store.map_err(gone(host)).ok()?.device(identity);
        Some(Self { release: release.clone(), manner, machine, store, task: None })
    }

    /// From the store through the applier to the other slot; what the patch says that it reads
    /// back as.
    fn apply(&mut self, host: &mut Host<'_, Kept>) -> Option<[u8; 32]> {
        let runs = usize::from(host.storage().1.runs());
        let flash = host.storage().0.clone();
        let old = NorOld::new(flash.clone(), SLOTS[runs], SLOT).expect("it fits");
        let new = NorNew::new(flash, SLOTS[1 - runs], SLOT).expect("it fits");
        let mut workspace = vec![0; 16 << 10];
        let mut applier = Applier::new(&mut workspace, old, new, ApplyOptions::default());
        #[derive(Debug)]
        struct Failed;
        impl<E> From<flashdelta::receive::StoreError<E>> for Failed {
            fn from(_: flashdelta::receive::StoreError<E>) -> Self {
                Self
            }
        }
        let fed = self.store.feed(0, |bytes| applier.feed(bytes).map(drop).map_err(|_| Failed));
        fed.map_err(gone(host)).ok()?;
        let digest = applier.header()?.new_digest;
        applier.finish().map_err(gone(host)).ok()?;
        Some(digest)
    }

    fn go_on(&mut self, host: &mut Host<'_, Kept>) {
        host.watchdog(WATCHDOG);
        let went_on = self.try_to_go_on(host);
        let _ = went_on.map_err(gone(host));
    }

    fn try_to_go_on(
        &mut self,
        host: &mut Host<'_, Kept>,
    ) -> Result<(), NodeError<flashdelta::nor::SlotError<flashdelta_sim::SimError>>> {
        let now = host.now();
        if let Some((_, task)) = self.task.filter(|(due, _)| now >= *due) {
            self.task = None;
            match task {
                Task::Prepare => self.machine.prepared(Ok(()), now)?,
                Task::Apply => match self.apply(host) {
                    Some(digest) => self.machine.verified(&digest, now)?,
                    None if host.storage().is_off() => return Ok(()),
                    None => self.machine.refuse(Refusal::Apply, now)?,
                },
                Task::Check => {
                    host.storage().1.confirm();
                    self.machine.healthy(now)?;
                }
            }
        }
        let is_there = self.store.is_complete() && self.store.patch() == self.release.patch.id();
        if self.machine.stage() == Stage::Receiving && self.task.is_none() && is_there {
            self.task = Some((now + 2 * SECOND, Task::Apply));
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
                NodeAction::Prepare => self.task = Some((now + SECOND, Task::Prepare)),
                NodeAction::Drop => self.task = None,
                NodeAction::Activate => {
                    let other = 1 - host.storage().1.runs();
                    let at = SLOTS[usize::from(other)];
                    let holds = host.storage().0.borrow().holds(at, &self.release.new);
                    assert!(holds, "{:?} starts what is not there", host.id());
                    host.storage().1.select(other);
                    host.reboot();
                    return Ok(());
                }
                NodeAction::Check if self.manner == Manner::Good => {
                    self.task = Some((now + 2 * SECOND, Task::Check));
                }
                NodeAction::Check | NodeAction::Keep => {}
                NodeAction::Revert => {
                    let other = 1 - host.storage().1.runs();
                    host.storage().1.go_back(other);
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

    /// Takes pieces that came as one. What is damaged or of no use changes nothing.
    fn data(&mut self, bytes: &[u8], host: &mut Host<'_, Kept>) {
        let Some((count, rest)) = bytes.split_first() else { return };
        let Some((numbers, sum)) = rest.split_at_checked(4 * usize::from(*count)) else { return };
        let numbers: Vec<_> =
            numbers.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect();
        let put = self.store.put_combined(&numbers, &mut sum.to_vec());
        if let Err(flashdelta::receive::StoreError::Slot(error)) = put {
            gone(host)(error);
        }
    }
}

impl Program for Party {
    type Role = Role;
    type Storage = Kept;

    fn boot(role: &Role, host: &mut Host<'_, Kept>) -> Self {
        host.wake_after(Duration::from_millis(1));
        match role {
            Role::Coordinator(release, starts) => {
                let (release, starts) = (release.clone(), *starts);
                Self::Coordinator(Box::new(Lead { release, machine: None, starts }))
            }
            Role::Node(release, manner) => {
                host.watchdog(WATCHDOG);
                match Follow::boot(release, *manner, host) {
                    Some(follow) => Self::Node(Box::new(follow)),
                    // It dies again as it boots: what it is does not matter.
                    None => {
                        let (release, starts) = (release.clone(), Duration::MAX);
                        Self::Coordinator(Box::new(Lead { release, machine: None, starts }))
                    }
                }
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
                    GROUP => drop(machine.receive(rest, now)),
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
                    GROUP => {
                        let received = node.machine.receive(from.0, rest, now);
                        if let Err(NodeError::Record(error)) = received {
                            return gone(host)(error);
                        }
                    }
                    // A damaged header is refused.
                    HEAD => drop(node.store.offer(rest)),
                    DATA => node.data(rest, host),
                    ASK if rest.len() == 2 => {
                        let question = u16::from_le_bytes([rest[0], rest[1]]);
                        let mut out = vec![STATUS; 1 + Status::max_len(node.store.pieces())];
                        let len = node.store.status(question, &mut out[1..]);
                        host.send(from, &out[..1 + len]);
                    }
                    _ => return,
                }
                node.go_on(host);
            }
        }
    }
}

/// How a world has ended: what was decided, and for each node whether it runs the new image.
fn run(
    seed: u64,
    manner: impl Fn(u32) -> Manner,
    prepare: impl FnOnce(&mut World<Party>),
) -> (Option<Decision>, Vec<bool>) {
    let release = Rc::new(Release::new());
    let mut world = World::<Party>::new(seed);
    let ms = Duration::from_millis;
    world.links(Link::new().loss(100).duplicates(50).corruption(20).delay(ms(1), ms(80)));
    let mut rules = Rules::default();
    rules.ascending = false;
    for starts in [SECOND, 40 * SECOND] {
        let kept = (Flash::new(NorSim::new(2)), Bootloader::new());
        world.add(Role::Coordinator(release.clone(), starts), kept);
    }
    for node in 0..NODES {
        let mut flash = NorSim::used(SECTORS, seed ^ u64::from(node)).rules(rules);
        flash.load(SLOTS[0], &release.old).expect("it fits");
        let kept = (Flash::new(flash), Bootloader::new());
        world.add(Role::Node(release.clone(), manner(node)), kept);
    }
    prepare(&mut world);
    let last = NodeId(COORDINATORS - 1);
    let lead = |world: &World<Party>| match world.program(last) {
        Some(Party::Coordinator(lead)) => lead
            .machine
            .as_ref()
            .map(|machine| (machine.is_done(world.now(), 90 * SECOND), machine.decided())),
        _ => None,
    };
    world.run_while(3600 * SECOND, |world| !lead(world).is_some_and(|(is_done, _)| is_done));
    let end = world.now() + 1500 * SECOND;
    world.run_until(end);
    let decided = lead(&world).and_then(|(_, decided)| decided);
    let runs_new = (COORDINATORS..COORDINATORS + NODES).map(NodeId).map(|node| {
        let (flash, bootloader) = world.storage(node);
        let flash = flash.borrow();
        assert_eq!(flash.violations(), []);
        let at = SLOTS[usize::from(bootloader.runs())];
        let (is_old, is_new) = (flash.holds(at, &release.old), flash.holds(at, &release.new));
        assert!(is_old != is_new, "{node:?} runs neither");
        is_new
    });
    (decided, runs_new.collect())
}

fn dies(world: &mut World<Party>, coordinator: u32, at: Duration) {
    world.at(at, Fault::PowerOff { node: NodeId(coordinator), off_for: Duration::MAX });
}

#[test]
fn all_nodes_run_the_new_image_though_a_coordinator_dies() {
    for (seed, at) in [(1, 3), (2, 10), (3, 25), (4, 39)] {
        let (decided, runs) = run(seed, |_| Manner::Good, |world| dies(world, 0, at * SECOND));
        assert_eq!((decided, runs), (Some(Decision::Keep), vec![true; 5]), "seed {seed}");
    }
}

#[test]
fn all_go_back_if_the_new_image_is_sick_on_one() {
    let manner = |node| if node == 3 { Manner::Sick } else { Manner::Good };
    for seed in 10..13 {
        let (decided, runs) = run(seed, manner, |world| dies(world, 0, 12 * SECOND));
        assert_eq!((decided, runs), (Some(Decision::Revert), vec![false; 5]), "seed {seed}");
    }
}

/// Nodes lose their power inside operations of their flash, and hang.
#[test]
fn all_end_on_one_version_whatever_the_power_does() {
    let mut ends = [0; 2];
    for seed in 100..140 {
        let nodes = COORDINATORS..COORDINATORS + NODES;
        let script = Script::new(nodes, 2 * SECOND..(30 + seed as u32) * SECOND)
            .pauses(400)
            .cuts(700)
            .hangs(100)
            .off(100 * SECOND);
        let sick = seed % 4 == 0;
        let manner = |node| if sick && node == 1 { Manner::Sick } else { Manner::Good };
        let (decided, runs) = run(seed, manner, |world| {
            world.suffer(&script, seed);
            dies(world, 0, Duration::from_secs(seed - 95));
        });
        assert!(decided.is_some_and(Decision::is_final), "seed {seed}: {decided:?}");
        let all_new = decided == Some(Decision::Keep);
        assert_eq!(runs, vec![all_new; 5], "seed {seed}: {decided:?}");
        assert!(!(sick && all_new));
        ends[usize::from(all_new)] += 1;
    }
    println!("{} on the old version, {} on the new one", ends[0], ends[1]);
    assert!(ends[0] > 5 && ends[1] > 10, "{ends:?}");
}
