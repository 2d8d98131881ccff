//! Simulated worlds in which one node sends a patch to many: links lose, double, reorder and damage
//! datagrams, somebody forges some, and the power of receivers goes while they write.

use core::time::Duration;
use std::rc::Rc;

use crate::common::pieces::{Patch, Toy};
use embedded_storage::nor_flash::ReadNorFlash as _;
use flashdelta::nor::Slot;
use flashdelta::receive::{
    Action, Distributor, Patience, Plan, Receiver, Stage, Status, Store, StoreError, Taken, To,
};
use flashdelta_sim::world::{Fault, Link, Node, NodeId, Program, SharedFlash, Storage as _, World};
use flashdelta_sim::{NorSim, Rules, SimError};

const KEY: u8 = 5;
/// Kinds of datagrams.
const ASK: u8 = 0;
const HEADER: u8 = 1;
const PIECES: u8 = 2;
const STATUS: u8 = 3;

type Chip = NorSim<1, 4, 1024>;
type Flash = SharedFlash<1, 4, 1024>;

#[derive(Clone)]
enum Role {
    Sender(Rc<Patch>, u32),
    Receiver(Rc<Patch>),
    Forger(Rc<Patch>),
}

enum Party {
    Sender(Rc<Patch>, Distributor<'static>, bool),
    Receiver(Rc<Patch>, Box<Store<'static, Flash>>),
    Forger(Rc<Patch>),
}

/// Memory that a device would have as a static.
fn leak<T: Clone + Default>(len: usize) -> &'static mut [T] {
    Box::leak(vec![T::default(); len].into_boxed_slice())
}

/// A datagram with pieces as one.
fn datagram(numbers: &[u32], sum: &[u8]) -> Vec<u8> {
    let mut bytes = vec![PIECES, numbers.len() as u8];
    numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    bytes.extend(sum);
    bytes
}

/// Every chunk that is there, is the one of the patch, and so is the table that they were checked
/// by.
fn check(store: &mut Store<'static, Flash>, patch: &Patch) {
    if store.pieces() == 0
        || store.missing().next().is_some_and(|first| first.start < patch.table_pieces())
    {
        return;
    }
    let start = patch.header.header_len + patch.header.signatures_len();
    let table = &patch.bytes[start as usize..patch.header.body_offset() as usize];
    let mut found = vec![0; table.len()];
    store.read(start, &mut found).expect("it is there");
    assert_eq!(found, table, "the table");
    let missing: Vec<_> = store.missing().flatten().collect();
    for piece in (patch.table_pieces()..patch.pieces()).filter(|piece| !missing.contains(piece)) {
        let range = patch.header.chunk_range(piece - patch.table_pieces()).expect("a chunk");
        let mut found = vec![0; range.len()];
        store.read(range.start, &mut found).expect("it is there");
        assert_eq!(found, patch.piece(piece), "piece {piece}");
    }
}

impl Program for Party {
    type Role = Role;
    type Storage = Flash;

    fn boot(role: &Role, node: &mut Node<'_, Flash>) -> Self {
        match role.clone() {
            Role::Sender(patch, receivers) => {
                node.wake_after(Duration::from_secs(1));
                let plan = Plan {
                    patch: patch.id(),
                    table_pieces: patch.table_pieces(),
                    pieces: patch.pieces(),
                };
                let count = receivers as usize;
                let (memory, bits) = (leak(count), leak(Distributor::bits_len(&plan, count)));
                let patience = Patience::default().vanished(Duration::from_secs(1000));
                let mut distributor = Distributor::new(plan, patience, memory, bits);
                (1..=receivers).for_each(|address| assert!(distributor.add(address, node.now())));
                Self::Sender(patch, distributor, false)
            }
            Role::Receiver(patch) => {
                let flash = node.storage().clone();
                let region = Slot::new(0, flash.capacity() as u32);
                let memory = leak(patch.pieces().div_ceil(8) as usize);
                let key = Box::leak(Box::new(Toy(KEY)));
                let mut store = Store::open(flash, region, memory, Some(key)).expect("it opens");
                check(&mut store, &patch);
                Self::Receiver(patch, Box::new(store))
            }
            Role::Forger(patch) => {
                node.wake_after(Duration::from_secs(1));
                Self::Forger(patch)
            }
        }
    }

    fn timer(&mut self, node: &mut Node<'_, Flash>) {
        let now = node.now();
        let (patch, distributor, done) = match self {
            Self::Sender(patch, distributor, done) => (patch, distributor, done),
            Self::Forger(patch) => return forge(patch, node),
            Self::Receiver(..) => return,
        };
        let (to, bytes) = match distributor.next(now) {
            Action::Header { to } => (to, [&[HEADER], patch.front()].concat()),
            Action::Send { pieces, to } => {
                (to, datagram(pieces.numbers(), &patch.sum(pieces.numbers())))
            }
            Action::Ask { to, question } => (to, [&[ASK][..], &question.to_le_bytes()].concat()),
            Action::Wait { until } => return node.wake_after(until - now),
            Action::Done => {
                *done = true;
                return;
            }
            action => panic!("{action:?}"),
        };
        match to {
            To::All => node.multicast(&bytes),
            To::One(address) => node.send(NodeId(address), &bytes),
        }
        node.wake_after(Duration::from_millis(5));
    }

    fn datagram(&mut self, from: NodeId, bytes: &[u8], node: &mut Node<'_, Flash>) {
        let now = node.now();
        let Some((kind, rest)) = bytes.split_first() else { return };
        match (self, *kind) {
            (Self::Sender(_, distributor, done), STATUS) => {
                // A damaged one may be one, too: that costs time.
                if let Some(status) = Status::parse(rest) {
                    distributor.status(from.0, &status, now);
                    if !*done {
                        node.wake_after(Duration::ZERO);
                    }
                }
            }
            (Self::Receiver(patch, store), kind) => {
                let result = match kind {
                    HEADER => store.offer(rest).map(|_| Taken::Known),
                    PIECES => take(store, rest),
                    ASK if rest.len() == 2 => {
                        let mut out = [STATUS; 64];
                        let question = u16::from_le_bytes([rest[0], rest[1]]);
                        let len = store.status(question, &mut out[1..]);
                        node.send(from, &out[..1 + len]);
                        return;
                    }
                    _ => return,
                };
                match result {
                    Ok(Taken::Stored) => check(store, patch),
                    Err(StoreError::Slot(error)) => {
                        assert!(node.storage().is_off(), "{error}");
                    }
                    Ok(Taken::Known) | Err(_) => {}
                }
            }
            _ => {}
        }
    }
}

fn take(store: &mut Store<'static, Flash>, bytes: &[u8]) -> Result<Taken, StoreError<SimError>> {
    let Some((count, rest)) = bytes.split_first() else { return Ok(Taken::Known) };
    let Some((numbers, sum)) = rest.split_at_checked(4 * usize::from(*count)) else {
        return Ok(Taken::Known);
    };
    let numbers: Vec<_> =
        numbers.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect();
    store.put_combined(&numbers, &mut sum.to_vec())
}

/// Somebody without a key who can send to all: forged chunks, headers of other patches, and rarely,
/// since that stalls whoever listens to it, pieces of the chunk table.
fn forge(patch: &Patch, node: &mut Node<'_, Flash>) {
    let piece = (node.random() % u64::from(patch.pieces())) as u32;
    let mut bytes = patch.piece(piece).to_vec();
    let at = (node.random() % bytes.len() as u64) as usize;
    bytes[at] ^= 1 + (node.random() % 255) as u8;
    match node.random() % 16 {
        0 => {
            let other =
                Patch::new(500, 8, node.random() as u8, [None, Some(9)][piece as usize % 2]);
            node.multicast(&[&[HEADER], other.front()].concat());
        }
        1 => {
            let mut front = patch.front().to_vec();
            front[(at * 7) % patch.front().len()] ^= 8;
            node.multicast(&[&[HEADER][..], &front].concat());
        }
        2 => node.multicast(&datagram(&[piece, piece], &bytes)),
        _ if piece >= patch.table_pieces() || node.random() % 64 == 0 => {
            node.multicast(&datagram(&[piece], &bytes));
        }
        _ => {}
    }
    node.wake_after(Duration::from_millis(20));
}

/// One world: `cut` is the operation of each receiver's flash at which its power goes; the next
/// receiver's goes some operations later. How many receivers were cut.
fn run(seed: u64, receivers: u32, loss: u16, cut: Option<u64>) -> u64 {
    let patch = Rc::new(Patch::new(2500 + 100 * (seed as usize % 50), 8, seed as u8, Some(KEY)));
    let ms = Duration::from_millis;
    let mut world = World::<Party>::new(seed);
    world.links(Link::new().loss(loss).duplicates(50).corruption(30).delay(ms(1), ms(30)));
    let mut rules = Rules::default();
    rules.ascending = false;
    let flash = |seed| Flash::new(Chip::used(14, seed).rules(rules));
    world.add(Role::Sender(patch.clone(), receivers), flash(0));
    for receiver in 0..receivers {
        let node = world.add(Role::Receiver(patch.clone()), flash(seed ^ u64::from(receiver)));
        if let Some(cut) = cut {
            let (after, position) = (cut + 7 * u64::from(receiver), (seed % 17) as u8);
            let off_for = ms(500 + seed % 7000);
            world.at(Duration::ZERO, Fault::CutFlash { node, after, position, off_for });
        }
    }
    let forger = world.add(Role::Forger(patch.clone()), flash(1));
    world.at(Duration::from_secs(600), Fault::PowerOff { node: forger, off_for: Duration::MAX });
    let done =
        |world: &World<Party>| matches!(world.program(NodeId(0)), Some(Party::Sender(.., true)));
    assert!(world.run_while(Duration::from_secs(36_000), |world| !done(world)), "seed {seed}");
    let Some(Party::Sender(_, distributor, _)) = world.program(NodeId(0)) else { panic!() };
    let stages: Vec<_> = distributor.receivers().map(Receiver::stage).collect();
    assert!(stages.iter().all(|stage| *stage == Stage::Complete), "seed {seed}: {stages:?}");
    for node in (1..=receivers).map(NodeId) {
        let flash = world.storage(node).clone();
        assert_eq!(flash.borrow().violations(), []);
        let mut memory = vec![0; patch.pieces().div_ceil(8) as usize];
        let region = Slot::new(0, flash.capacity() as u32);
        let mut store = Store::open(flash, region, &mut memory, None).expect("it opens");
        assert!(store.is_complete(), "seed {seed}, {node:?}");
        let mut out = Vec::new();
        store
            .feed(0, |bytes| {
                out.extend_from_slice(bytes);
                Ok::<_, StoreError<SimError>>(())
            })
            .expect("all is there");
        assert_eq!(out, patch.bytes, "seed {seed}, {node:?}");
    }
    (1..=receivers).map(|node| world.boots(NodeId(node)) - 1).sum()
}

#[test]
fn everybody_gets_the_patch_and_nothing_else() {
    let cuts: u64 = (0..120)
        .map(|seed| run(seed, 1 + seed as u32 % 4, 100 * (seed % 7) as u16, Some(seed)))
        .sum();
    assert!(cuts > 200, "only {cuts} of 300 receivers were cut");
}

/// 1,000 worlds, loss 0 to 60 %, a cut at every operation in turn:
/// `cargo test --release -p flashdelta --test device mesh -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn a_thousand_worlds() {
    let cuts: u64 = (0..1000)
        .map(|seed| run(seed, 1 + seed as u32 % 8, (seed * 13 % 601) as u16, Some(seed % 250)))
        .sum();
    println!("{cuts} of 4500 receivers were cut");
}
