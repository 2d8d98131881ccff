//! Groups in simulated worlds: links lose, double, reorder and damage datagrams; nodes and
//! coordinators die at random moments, and coordinators are replaced.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use super::group_world::{storage, Ledger, Manner, Party, Role, Setting, KEY};
use flashdelta::group::{Decision, NodeState, Stage, Timing};
use flashdelta_sim::world::{Fault, Link, NodeId, Script, World};

const SECOND: Duration = Duration::from_secs(1);

fn setting(nodes: u32, quorum: u16) -> Setting {
    Setting {
        coordinators: 3,
        nodes,
        quorum,
        pieces: 24,
        piece: 64,
        timing: Timing::default().stall(Duration::from_secs(120)),
        key: KEY,
    }
}

/// How a world has ended.
struct End {
    ledger: Ledger,
    /// Nodes that live, and what they run: 1 is the new image.
    runs: Vec<(NodeId, u8, Stage)>,
    decided: Option<Decision>,
    states: Vec<NodeState>,
}

/// A world, and how it has ended.
fn run(
    seed: u64,
    setting: Setting,
    starts: &[u64],
    manner: impl Fn(u32) -> Manner,
    link: Link,
    prepare: impl FnOnce(&mut World<Party>),
) -> End {
    let setting = Rc::new(setting);
    let ledger = Rc::new(RefCell::new(Ledger::default()));
    let mut world = World::<Party>::new(seed);
    world.links(link);
    for starts in starts {
        let starts = Duration::from_millis(*starts);
        world.add(Role::Coordinator(setting.clone(), ledger.clone(), starts), storage(0));
    }
    for node in 0..setting.nodes {
        let role = Role::Node(setting.clone(), ledger.clone(), manner(node));
        world.add(role, storage(seed ^ u64::from(node)));
    }
    prepare(&mut world);
    let last = NodeId(setting.coordinators - 1);
    let is_done = |world: &World<Party>| match world.program(last) {
        Some(Party::Coordinator(lead)) => {
            lead.machine.as_ref().is_some_and(|machine| machine.is_done(world.now(), 90 * SECOND))
        }
        _ => false,
    };
    world.run_while(3600 * SECOND, |world| !is_done(world));
    // Whoever was lost comes back.
    let end = world.now() + 1500 * SECOND;
    world.run_until(end);
    let mut runs = Vec::new();
    for node in setting.node_ids() {
        if let Some(Party::Node(follow)) = world.program(node) {
            assert_eq!(world.storage(node).0.borrow().violations(), []);
            runs.push((node, world.storage(node).1.bootloader.runs(), follow.machine.stage()));
        }
    }
    let (decided, states) = match world.program(last) {
        Some(Party::Coordinator(lead)) => {
            let machine = lead.machine.as_ref();
            (
                machine.and_then(|machine| machine.decided()),
                machine.map(|it| it.nodes().map(|(_, state)| state).collect()).unwrap_or_default(),
            )
        }
        _ => (None, Vec::new()),
    };
    drop(world);
    let ledger = Rc::try_unwrap(ledger).expect("the world is over").into_inner();
    End { ledger, runs, decided, states }
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0.rotate_right(16)) * u128::from(end)) >> 64) as u64
    }
}

/// Fifty nodes and three coordinators, everything goes wrong.
fn troubled(seed: u64) -> Option<Decision> {
    let mut dice = Dice(seed);
    let nodes = 50;
    let quorum = [50, 45, 26][dice.below(3) as usize];
    let setting = setting(nodes, quorum);
    let ms = Duration::from_millis;
    let link = Link::new()
        .loss(dice.below(301) as u16)
        .duplicates(50)
        .corruption(20)
        .delay(ms(1), ms(1 + dice.below(400)));
    // The first coordinator dies somewhen; the second one, too; the last one lives.
    let starts = [1000, 5000 + dice.below(150_000), 20_000 + dice.below(300_000)];
    let odd = dice.below(4);
    let sick = dice.below(8);
    let manner = |node: u32| match (odd, u64::from(node)) {
        (1, node) if node < sick => Manner::Sick,
        (2, node) if node < sick => Manner::Stranger,
        (3, node) if node < 5 => Manner::Busy,
        _ => Manner::Good,
    };
    // In some worlds most nodes die.
    let deaths = if dice.below(20) == 0 { 600 } else { [0, 0, 60, 200][dice.below(4) as usize] };
    let script = Script::new(3..3 + nodes, SECOND..(20 + dice.below(200) as u32) * SECOND)
        .deaths(deaths)
        .pauses(dice.below(500) as u16)
        .cuts(dice.below(500) as u16)
        .hangs(dice.below(100) as u16)
        .off(150 * SECOND);
    let deaths = [2000 + dice.below(90_000), starts[1] + dice.below(150_000)];
    let end = run(seed, setting, &starts, manner, link, |world| {
        world.suffer(&script, seed);
        for (node, death) in deaths.into_iter().enumerate() {
            let node = NodeId(node as u32);
            world.at(ms(death), Fault::PowerOff { node, off_for: Duration::MAX });
        }
    });
    check(seed, &end, nodes, quorum);
    end.decided
}

fn check(seed: u64, end: &End, nodes: u32, quorum: u16) {
    let alive = end.runs.len() as u32;
    let new = end.runs.iter().filter(|(_, slot, _)| *slot == 1).count() as u32;
    let told = || format!("seed {seed}: {:?}, {:?}, {:?}", end.decided, end.runs, end.ledger);
    if end.ledger.has(Decision::Keep) {
        // Those who do not run it have refused, or it does not work on them.
        let out = |stage: &Stage| matches!(stage, Stage::Failed | Stage::Refused(_));
        let odd = end.runs.iter().filter(|(_, slot, stage)| *slot == 0 && out(stage)).count();
        assert_eq!(new + odd as u32, alive, "{}", told());
        assert!(odd as u32 <= nodes - u32::from(quorum), "{}", told());
    } else if alive > nodes / 2 || !end.ledger.has(Decision::Commit) {
        assert_eq!(new, 0, "{}", told());
    }
    if alive > nodes / 2 {
        assert!(end.decided.is_some_and(Decision::is_final), "{}", told());
    }
    if !end.ledger.has(Decision::Commit) {
        assert!(end.ledger.started.is_empty(), "{}", told());
    }
}

/// Some worlds; how many have ended how.
fn worlds(seeds: core::ops::Range<u64>) -> [usize; 4] {
    let mut ends = [0; 4];
    for seed in seeds {
        let index = match troubled(seed) {
            Some(Decision::Abort) => 0,
            Some(Decision::Keep) => 1,
            Some(Decision::Revert) => 2,
            _ => 3,
        };
        ends[index] += 1;
    }
    ends
}

#[test]
fn all_that_live_end_on_one_version_whoever_dies() {
    let [abort, keep, revert, none] = worlds(0..200);
    println!("{abort} aborted, {keep} kept, {revert} reverted, {none} undecided");
    assert!(abort > 20 && keep > 20 && revert > 5 && none > 0, "{abort} {keep} {revert} {none}");
}

/// `cargo test --release -p flashdelta --test device group:: -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes"]
fn ten_thousand_worlds() {
    let threads: Vec<_> = (0..4)
        .map(|part| std::thread::spawn(move || worlds(part * 2500..(part + 1) * 2500)))
        .collect();
    let mut sum = [0; 4];
    for thread in threads {
        let ends = thread.join().expect("it does not panic");
        sum.iter_mut().zip(ends).for_each(|(sum, end)| *sum += end);
    }
    let [abort, keep, revert, none] = sum;
    println!("{abort} aborted, {keep} kept, {revert} reverted, {none} undecided");
}

/// Fifty nodes at 10 % loss: the patch, as the distributor sends it, and what the coordinator says
/// meanwhile.
#[test]
fn a_quiet_world_keeps_the_new_image_and_the_patch_is_sent_little_more_than_once() {
    let ms = Duration::from_millis;
    let mut shares = Vec::new();
    for seed in 0..5 {
        let setting = Setting { pieces: 200, piece: 512, ..setting(50, 50) };
        let patch = (setting.pieces as usize * setting.piece) as f64;
        let link = Link::new().loss(100).duplicates(20).delay(ms(2), ms(40));
        let never = 100_000_000;
        let end = run(seed, setting, &[never, never, 1000], |_| Manner::Good, link, |_| {});
        assert_eq!(end.decided, Some(Decision::Keep));
        assert!(end.runs.len() == 50 && end.runs.iter().all(|(_, slot, _)| *slot == 1));
        assert!(end.states.iter().all(|state| *state == NodeState::Kept), "{:?}", end.states);
        shares.push(end.ledger.multicast as f64 / patch);
    }
    let mean = shares.iter().sum::<f64>() / 5.0;
    println!("sent to all while the patch is distributed: {mean:.3} of it, {shares:.3?}");
    assert!(shares.iter().all(|share| *share <= 1.3), "{shares:.3?}");
}
