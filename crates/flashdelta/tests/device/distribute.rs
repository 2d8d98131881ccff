//! One sender, many receivers, bad links: everybody gets all, and the cost is measured.
//!
//! The receivers hold their pieces in RAM here; `receive.rs` has the store.

use core::time::Duration;

use flashdelta::receive::{
    Action, Distributor, PatchId, Patience, Plan, Receiver, Stage, Status, To,
};
use flashdelta_sim::world::{Fault, Link, Node, NodeId, Program, World};

const PATCH: PatchId = [9; 8];
const PIECE: usize = 512;
const HEADER: usize = 280;
const PLAN: Plan = Plan { patch: PATCH, table_pieces: 13, pieces: 413 };

/// Kinds of datagrams.
const ASK: u8 = 0;
const HEAD: u8 = 1;
const DATA: u8 = 2;
const STATUS: u8 = 3;

/// The last piece is shorter.
fn piece(number: u32) -> Vec<u8> {
    let len = if number + 1 == PLAN.pieces { 100 } else { PIECE };
    (0..len as u32).map(|at| (number * 31 + at * 7 + (number * at) / 5) as u8).collect()
}

/// What a node is.
enum Role {
    Sender { receivers: u32, patience: Patience },
    Receiver(Manner),
}

#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Honest,
    /// Always says that it lacks everything.
    Greedy,
    /// Always says that it has no header, and answers to the question before.
    Stale,
    /// Sends noise.
    Noise,
}

enum Party {
    Sender { distributor: Distributor<'static>, done: Option<Duration>, rounds: u16 },
    Receiver { manner: Manner, has_header: bool, held: Vec<u8> },
}

fn leak<T: Clone + Default>(len: usize) -> &'static mut [T] {
    Box::leak(vec![T::default(); len].into_boxed_slice())
}

impl Program for Party {
    type Role = Role;
    type Storage = ();

    fn boot(role: &Role, node: &mut Node<'_, ()>) -> Self {
        match role {
            Role::Sender { receivers, patience } => {
                let count = *receivers as usize;
                let (memory, bits) = (leak(count), leak(Distributor::bits_len(&PLAN, count)));
                let mut distributor = Distributor::new(PLAN, *patience, memory, bits);
                (1..=*receivers).for_each(|address| assert!(distributor.add(address, node.now())));
                node.wake_after(Duration::from_secs(1));
                Self::Sender { distributor, done: None, rounds: 0 }
            }
            Role::Receiver(manner) => {
                let held = vec![0; PLAN.pieces.div_ceil(8) as usize];
                Self::Receiver { manner: *manner, has_header: false, held }
            }
        }
    }

    fn timer(&mut self, node: &mut Node<'_, ()>) {
        let Self::Sender { distributor, done, rounds } = self else { return };
        let now = node.now();
        let (to, bytes) = match distributor.next(now) {
            Action::Header { to } => (to, [&[HEAD][..], &[0; HEADER]].concat()),
            Action::Send { pieces, to } => {
                let mut sum = Vec::new();
                let mut bytes = vec![DATA, pieces.numbers().len() as u8];
                for number in pieces.numbers() {
                    bytes.extend(number.to_le_bytes());
                    let piece = piece(*number);
                    sum.resize(sum.len().max(piece.len()), 0);
                    sum.iter_mut().zip(piece).for_each(|(to, from)| *to ^= from);
                }
                bytes.extend(sum);
                (to, bytes)
            }
            Action::Ask { to, question } => {
                *rounds = question;
                (to, [&[ASK][..], &question.to_le_bytes()].concat())
            }
            Action::Wait { until } => return node.wake_after(until - now),
            Action::Done => {
                done.get_or_insert(now);
                return node.wake_after(Duration::from_secs(1));
            }
            action => panic!("{action:?}"),
        };
        match to {
            To::All => node.multicast(&bytes),
            To::One(address) => node.send(NodeId(address), &bytes),
        }
        node.wake_after(Duration::from_millis(10));
    }

    fn datagram(&mut self, from: NodeId, bytes: &[u8], node: &mut Node<'_, ()>) {
        let now = node.now();
        let Some((kind, rest)) = bytes.split_first() else { return };
        match (self, *kind) {
            (Self::Sender { distributor, done, .. }, STATUS) => {
                if let Some(status) = Status::parse(rest) {
                    let address = from.0;
                    distributor.status(address, &status, now);
                    if done.is_none() {
                        node.wake_after(Duration::ZERO);
                    }
                }
            }
            (Self::Receiver { has_header, .. }, HEAD) => *has_header = true,
            (Self::Receiver { has_header: true, held, .. }, DATA) => take(held, rest),
            (Self::Receiver { manner, has_header, held }, ASK) => {
                let mut question = u16::from_le_bytes(rest.try_into().expect("two bytes"));
                let mut patch = if *has_header { PATCH } else { [0; 8] };
                let nothing = vec![0; held.len()];
                let held = if *manner == Manner::Greedy { &nothing } else { &*held };
                if *manner == Manner::Stale {
                    (question, patch) = (question - 1, [0; 8]);
                }
                let mut out = vec![STATUS; 1 + Status::max_len(PLAN.pieces)];
                let pieces = if patch == PATCH { PLAN.pieces } else { 0 };
                let len = Status::write(&mut out[1..], question, patch, pieces, held);
                if *manner == Manner::Noise {
                    out.iter_mut().skip(1).for_each(|byte| *byte ^= node.random() as u8 & 3);
                }
                node.send(from, &out[..1 + len]);
            }
            _ => {}
        }
    }
}

/// Takes pieces that came as one.
fn take(held: &mut [u8], bytes: &[u8]) {
    let has = |held: &[u8], piece: u32| held[piece as usize / 8] >> (piece % 8) & 1 == 1;
    let count = bytes[0] as usize;
    let (numbers, sum) = bytes[1..].split_at(4 * count);
    let numbers: Vec<_> =
        numbers.chunks(4).map(|n| u32::from_le_bytes(n.try_into().unwrap())).collect();
    // Chunks are of no use without the table that they are checked by.
    let has_table = (0..PLAN.table_pieces).all(|piece| has(held, piece));
    let missing: Vec<_> = numbers.iter().filter(|piece| !has(held, **piece)).collect();
    let [missing] = missing[..] else { return };
    if *missing >= PLAN.table_pieces && !has_table {
        return;
    }
    let mut sum = sum.to_vec();
    for number in numbers.iter().filter(|number| *number != missing) {
        sum.iter_mut().zip(piece(*number)).for_each(|(to, from)| *to ^= from);
    }
    sum.truncate(piece(*missing).len());
    assert_eq!(sum, piece(*missing));
    held[*missing as usize / 8] |= 1 << (missing % 8);
}

struct Outcome {
    /// Bytes sent, in patches.
    multicast: f64,
    unicast: f64,
    /// Stages of the receivers at the end.
    stages: Vec<Stage>,
    time: Duration,
    rounds: u16,
}

fn run(
    seed: u64,
    manners: &[Manner],
    link: Link,
    patience: Patience,
    faults: &[(u64, Fault)],
) -> Outcome {
    let mut world = World::<Party>::new(seed);
    world.links(link);
    let receivers = manners.len() as u32;
    let sender = world.add(Role::Sender { receivers, patience }, ());
    manners.iter().for_each(|manner| _ = world.add(Role::Receiver(*manner), ()));
    faults.iter().for_each(|(at, fault)| world.at(Duration::from_secs(*at), fault.clone()));
    let state = |world: &World<Party>| match world.program(sender) {
        Some(Party::Sender { distributor, done, rounds }) => {
            (distributor.receivers().map(Receiver::stage).collect::<Vec<_>>(), *done, *rounds)
        }
        _ => (Vec::new(), None, 0),
    };
    let hours = Duration::from_secs(3 * 3600);
    assert!(world.run_while(hours, |world| state(world).1.is_none()), "it does not end");
    for (node, manner) in world.nodes().skip(1).zip(manners) {
        if let Some(Party::Receiver { held, .. }) = world.program(node) {
            let lacks = (0..PLAN.pieces).any(|p| held[p as usize / 8] >> (p % 8) & 1 == 0);
            let stage = state(&world).0[node.0 as usize - 1];
            assert!(stage != Stage::Complete || *manner == Manner::Noise || !lacks);
        }
    }
    let patch = HEADER + (0..PLAN.pieces).map(|number| piece(number).len()).sum::<usize>();
    let traffic = world.traffic(sender);
    let (stages, time, rounds) = state(&world);
    Outcome {
        multicast: traffic.multicast_bytes as f64 / patch as f64,
        unicast: traffic.unicast_bytes as f64 / patch as f64,
        stages,
        time: time.unwrap(),
        rounds,
    }
}

fn lossy(loss: u16) -> Link {
    let ms = Duration::from_millis;
    Link::new().loss(loss).duplicates(20).delay(ms(2), ms(40))
}

/// `cargo test --test device distribute -- --ignored --nocapture` prints the table of the guide.
#[test]
#[ignore = "prints figures"]
fn figures() {
    let patience = Patience::default().vanished(Duration::from_secs(600));
    println!("| loss | receivers | multicast | to single ones | rounds | time |");
    println!("|--:|--:|--:|--:|--:|--:|");
    for loss in [0, 50, 100, 200, 300, 600] {
        for receivers in [1, 10, 50] {
            let manners = vec![Manner::Honest; receivers];
            let runs: Vec<_> =
                (0..10).map(|seed| run(seed, &manners, lossy(loss), patience, &[])).collect();
            assert!(runs.iter().all(|run| run.stages.iter().all(|it| *it == Stage::Complete)));
            let mean = |of: fn(&Outcome) -> f64| runs.iter().map(of).sum::<f64>() / 10.0;
            println!(
                "| {} % | {receivers} | {:.2} | {:.2} | {:.1} | {:.0} s |",
                loss / 10,
                mean(|run| run.multicast),
                mean(|run| run.unicast),
                mean(|run| run.rounds.into()),
                mean(|run| run.time.as_secs_f64()),
            );
        }
    }
}

#[test]
fn everybody_gets_all_whatever_is_lost() {
    // At 60 % loss questions and answers are lost so often that a minute is soon over.
    let patience = Patience::default().vanished(Duration::from_secs(600));
    for seed in 0..8 {
        for loss in [0, 100, 300, 600] {
            let manners = vec![Manner::Honest; 1 + 2 * seed as usize];
            let run = run(seed, &manners, lossy(loss), patience, &[]);
            assert!(run.stages.iter().all(|stage| *stage == Stage::Complete), "{:?}", run.stages);
        }
    }
}

#[test]
fn fifty_receivers_at_ten_percent_loss_cost_little_more_than_the_patch() {
    let runs: Vec<_> = (0..5)
        .map(|seed| run(seed, &[Manner::Honest; 50], lossy(100), Patience::default(), &[]))
        .collect();
    assert!(runs.iter().all(|run| run.stages.iter().all(|stage| *stage == Stage::Complete)));
    let mean = |of: fn(&Outcome) -> f64| runs.iter().map(of).sum::<f64>() / 5.0;
    let (multicast, unicast) = (mean(|run| run.multicast), mean(|run| run.unicast));
    assert!(multicast <= 1.3 && unicast <= 0.1, "{multicast} {unicast}");
}

#[test]
fn nobody_who_lies_or_is_stale_or_vanishes_stalls_the_others() {
    let odd = [Manner::Greedy, Manner::Stale, Manner::Noise];
    for seed in 0..10 {
        let mut manners = vec![Manner::Honest; 10];
        manners.splice(3..6, odd);
        let off_for = Duration::MAX;
        let dies = Fault::PowerOff { node: NodeId(1), off_for };
        let reset = Fault::PowerOff { node: NodeId(2), off_for: Duration::from_secs(100) };
        let run = run(seed, &manners, lossy(200), Patience::default(), &[(2, dies), (3, reset)]);
        for (index, stage) in run.stages.iter().enumerate() {
            let expected: &[Stage] = match index {
                0 => &[Stage::Vanished],
                // It is off for longer than the patience lasts, and may be back before the end.
                1 => &[Stage::Vanished, Stage::Complete],
                3 => &[Stage::GivenUp],
                // An answer to an older question is none.
                4 => &[Stage::Vanished, Stage::GivenUp],
                5 => continue,
                _ => &[Stage::Complete],
            };
            assert!(expected.contains(stage), "receiver {}: {stage:?}", index + 1);
        }
    }
}

#[test]
fn the_same_world_gives_the_same_run() {
    let once = || {
        let run = run(5, &[Manner::Honest; 20], lossy(300), Patience::default(), &[]);
        (run.time, run.rounds, run.multicast.to_bits(), run.unicast.to_bits())
    };
    assert_eq!(once(), once());
}
