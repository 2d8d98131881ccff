//! The rules of coordinators, one by one: `group_rules.rs` has those of nodes.

use core::time::Duration;

use super::group_bench::{drain, open_at, target, write, Held, Ram, GROUP, KEY, PLAN, SECOND};
use flashdelta::group::{
    Body, Campaign, CampaignPhase, Coordinator, CoordinatorAction, CoordinatorError, Decision,
    Message, MessageError, NodeAction, NodeEntry, NodeState, Stage, Timing, MAX_MESSAGE_LEN,
};
use flashdelta::receive::{Action, Distributor, Patience, Receiver, Status, To};

/// A group on a table: everything arrives at once, unless somebody is deaf.
struct Table {
    now: Duration,
    rams: Vec<Ram>,
    nodes: Vec<Held>,
    running: Vec<u8>,
    deaf: Vec<bool>,
    /// The new image is not healthy on these.
    sick: Vec<bool>,
    /// These never get the new image.
    slow: Vec<bool>,
    /// What the coordinator is about to hear.
    heard: Vec<Vec<u8>>,
}

/// How a coordinator has ended.
struct Led {
    phase: CampaignPhase,
    decided: Option<Decision>,
    states: Vec<NodeState>,
    /// What it has said about decisions.
    said: Vec<Body>,
}

impl Table {
    fn new(count: usize) -> Self {
        let rams: Vec<_> = (0..count).map(|_| Ram::default()).collect();
        let open = |(index, ram)| open_at(100 + index as u32, ram, 1, Duration::ZERO);
        Self {
            now: Duration::ZERO,
            nodes: rams.iter().enumerate().map(open).collect(),
            rams,
            running: vec![1; count],
            deaf: vec![false; count],
            sick: vec![false; count],
            slow: vec![false; count],
            heard: Vec::new(),
        }
    }

    /// A coordinator at work, until `ends` says of what it sends that it has died, or a time is
    /// over.
    fn lead(
        &mut self,
        quorum: u16,
        random: u32,
        seconds: u32,
        mut ends: impl FnMut(&mut Self, &Body) -> bool,
    ) -> Led {
        let count = self.rams.len();
        let (mut receivers, mut bits) = (vec![Receiver::default(); count], vec![0; count]);
        let distributor = Distributor::new(PLAN, Patience::default(), &mut receivers, &mut bits);
        let mut entries: Vec<_> = (0..count as u32).map(|n| NodeEntry::new(100 + n)).collect();
        let mut coordinator =
            coordinator(quorum, &mut entries, distributor, random, self.now).expect("it can be");
        let end = self.now + seconds * SECOND;
        let mut said = Vec::new();
        let mut out = [0; MAX_MESSAGE_LEN];
        while self.now < end {
            let (to, bytes) = match coordinator.next(self.now, &mut out) {
                CoordinatorAction::Wait { .. } => {
                    self.now += SECOND / 10;
                    (To::One(0), Vec::new())
                }
                CoordinatorAction::Send { to, len } => (to, out[..len].to_vec()),
                CoordinatorAction::Distribute(Action::Ask { question, to }) => {
                    for (address, deaf) in (100..).zip(&self.deaf) {
                        if !deaf && [To::All, To::One(address)].contains(&to) {
                            let mut out = [0; 40];
                            let len = Status::write(&mut out, question, [9; 8], 3, &[7]);
                            let status = Status::parse(&out[..len]).expect("it is one");
                            coordinator.status(address, &status, self.now);
                        }
                    }
                    continue;
                }
                CoordinatorAction::Distribute(_) => continue,
                action => panic!("{action:?}"),
            };
            if let Ok(message) = Message::parse(&bytes, &KEY) {
                if matches!(message.body, Body::Propose(_) | Body::Outcome(_)) {
                    said.push(message.body);
                }
                if ends(self, &message.body) {
                    break;
                }
            }
            for node in 0..count {
                if to == To::All || to == To::One(100 + node as u32) {
                    self.tell(node, &bytes);
                }
                self.act(node);
            }
            for report in core::mem::take(&mut self.heard) {
                let _ = coordinator.receive(&report, self.now);
            }
        }
        let states = coordinator.nodes().map(|(_, state)| state).collect();
        Led { phase: coordinator.phase(), decided: coordinator.decided(), states, said }
    }

    fn tell(&mut self, node: usize, bytes: &[u8]) {
        if !self.deaf[node] {
            let _ = self.nodes[node].receive(1, bytes, self.now);
        }
    }

    /// A node does what it is to do.
    fn act(&mut self, node: usize) {
        let now = self.now;
        // It does not wait before it answers.
        let (actions, sent) = drain(&mut self.nodes[node], now + SECOND / 2);
        if !self.deaf[node] {
            self.heard.extend(sent.iter().map(|(_, message)| write(message)));
        }
        for action in actions {
            let held = &mut self.nodes[node];
            match action {
                NodeAction::Prepare => {
                    held.prepared(Ok(()), now).unwrap();
                    if !self.slow[node] {
                        held.verified(&[2; 32], now).unwrap();
                    }
                }
                NodeAction::Activate => self.reset(node, 2),
                NodeAction::Check if !self.sick[node] => held.healthy(now).unwrap(),
                NodeAction::Revert => self.reset(node, 1),
                _ => {}
            }
        }
    }

    fn reset(&mut self, node: usize, running: u8) {
        self.running[node] = running;
        self.nodes[node] = open_at(100 + node as u32, &self.rams[node], running, self.now);
    }
}

fn coordinator<'m>(
    quorum: u16,
    entries: &'m mut [NodeEntry],
    distributor: Distributor<'m>,
    random: u32,
    now: Duration,
) -> Result<Coordinator<'m, 'static>, CoordinatorError> {
    let campaign = Campaign { group: GROUP, number: 1, target: target(), quorum };
    Coordinator::new(campaign, Timing::default(), entries, distributor, KEY, random, now)
}

#[test]
fn a_group_that_cannot_be_is_refused() {
    let make = |quorum, addresses: &[u32]| {
        let mut entries: Vec<_> = addresses.iter().map(|it| NodeEntry::new(*it)).collect();
        let distributor = Distributor::new(PLAN, Patience::default(), &mut [], &mut []);
        coordinator(quorum, &mut entries, distributor, 1, SECOND).map(drop).err()
    };
    assert_eq!(make(3, &[1, 2, 3, 4]), None);
    let error = |found| Some(CoordinatorError::Quorum { least: 3, nodes: 4, found });
    assert_eq!(make(2, &[1, 2, 3, 4]), error(2));
    assert_eq!(make(5, &[1, 2, 3, 4]), error(5));
    assert_eq!(make(1, &[]), Some(CoordinatorError::Nodes { found: 0 }));
    assert_eq!(make(2, &[1, 2, 1]), Some(CoordinatorError::SameAddress { address: 1 }));
}

#[test]
fn nothing_is_committed_before_the_quorum_has_verified() {
    for (quorum, deaf, expected) in
        [(5, 0, Decision::Keep), (5, 1, Decision::Abort), (4, 1, Decision::Keep)]
    {
        let mut table = Table::new(5);
        table.deaf[..deaf].fill(true);
        let led = table.lead(quorum, 1, 2000, |_, _| false);
        assert_eq!((led.phase, led.decided), (CampaignPhase::Settle(expected), Some(expected)));
        let running = if expected == Decision::Keep { 2 } else { 1 };
        assert!(table.running[deaf..].iter().all(|it| *it == running), "{:?}", table.running);
        let state = if expected == Decision::Keep { NodeState::Kept } else { NodeState::Aborted };
        assert_eq!(&led.states[deaf..], &vec![state; 5 - deaf]);
        assert_eq!(&led.states[..deaf], &vec![NodeState::Unheard; deaf]);
        // And never something else was said.
        let commits = led.said.contains(&Body::Propose(Decision::Commit));
        assert_eq!(commits, expected == Decision::Keep);
    }
}

#[test]
fn a_node_that_does_not_verify_holds_up_all_but_only_if_the_quorum_needs_it() {
    for (quorum, expected) in [(5, Decision::Abort), (4, Decision::Keep)] {
        let mut table = Table::new(5);
        table.slow[2] = true;
        let led = table.lead(quorum, 1, 1500, |_, _| false);
        assert_eq!(led.phase, CampaignPhase::Settle(expected));
        let commits = led.said.contains(&Body::Propose(Decision::Commit));
        assert_eq!(commits, expected == Decision::Keep);
        let running = if expected == Decision::Keep { [2, 2, 1, 2, 2] } else { [1; 5] };
        assert_eq!(table.running, running);
    }
}

#[test]
fn nobody_is_told_before_more_than_half_have_accepted() {
    let mut table = Table::new(5);
    // As soon as it is proposed, most are deaf.
    let led = table.lead(5, 1, 2000, |table, body| {
        if *body == Body::Propose(Decision::Commit) {
            table.deaf[..3].fill(true);
        }
        false
    });
    assert_eq!((led.phase, led.decided), (CampaignPhase::Propose(Decision::Commit), None));
    assert!(!led.said.contains(&Body::Outcome(Decision::Commit)));
    assert_eq!(table.running, [1; 5]);
    // The first three have taken it back. The next coordinator hears of what the others have
    // accepted, has the first three prepare again, and ends it so.
    assert_eq!(table.nodes[0].stage(), Stage::Withdrawn);
    table.deaf.fill(false);
    let led = table.lead(5, 2, 2000, |_, _| false);
    assert_eq!(led.phase, CampaignPhase::Settle(Decision::Keep));
    assert_eq!(table.running, [2; 5]);
}

#[test]
fn after_one_was_told_every_other_coordinator_says_the_same() {
    let mut table = Table::new(5);
    // The coordinator dies when it has told one node, and so does that node.
    let mut told = false;
    let led = table.lead(5, 1, 2000, |table, body| {
        if *body == Body::Outcome(Decision::Commit) {
            if told {
                return true;
            }
            told = true;
            table.deaf[1..].fill(true);
        }
        false
    });
    assert_eq!(led.decided, Some(Decision::Commit));
    assert_eq!(table.running, [2, 1, 1, 1, 1]);
    table.deaf = vec![true, false, false, false, false];
    table.now += 1000 * SECOND;
    let led = table.lead(5, 2, 300, |_, _| false);
    // It does not know that one was told.
    assert_eq!(led.said[0], Body::Propose(Decision::Commit));
    assert_eq!(led.decided, Some(Decision::Commit));
    assert_eq!(table.running, [2; 5]);
    // The one that was told is gone for good, and all were to be healthy: all go back.
    let led = table.lead(5, 3, 2000, |_, _| false);
    assert_eq!(led.phase, CampaignPhase::Settle(Decision::Revert));
    assert_eq!(table.running, [2, 1, 1, 1, 1]);
    // Or it was not.
    table.deaf[0] = false;
    let led = table.lead(5, 4, 200, |_, _| false);
    assert_eq!(
        (led.phase, &led.states[..]),
        (CampaignPhase::Settle(Decision::Revert), &[NodeState::Reverted; 5][..])
    );
    assert_eq!(table.running, [1; 5]);
}

#[test]
fn all_go_back_if_the_new_image_is_not_healthy_on_enough() {
    for (quorum, expected) in [(5, Decision::Revert), (4, Decision::Keep)] {
        let mut table = Table::new(5);
        table.sick[2] = true;
        let led = table.lead(quorum, 1, 3000, |_, _| false);
        assert_eq!(led.phase, CampaignPhase::Settle(expected));
        match expected {
            Decision::Keep => {
                assert_eq!(table.running, [2, 2, 1, 2, 2]);
                assert_eq!(led.states[2], NodeState::Failed);
            }
            _ => {
                assert_eq!(table.running, [1; 5]);
                assert_eq!(led.states, [NodeState::Reverted; 5]);
            }
        }
    }
}

#[test]
fn a_coordinator_that_was_replaced_says_nothing_more() {
    let mut table = Table::new(3);
    let led = table.lead(3, 1, 2000, |table, body| {
        if *body == Body::Prepare(target()) && table.nodes[0].stage() == Stage::Idle {
            let other = table.lead(3, 2, 5, |_, _| false);
            assert_ne!(other.phase, CampaignPhase::Survey);
        }
        false
    });
    assert_eq!((led.phase, led.said), (CampaignPhase::Deposed, vec![]));
}

#[test]
fn reports_that_are_repeated_or_late_change_nothing() {
    let (mut receivers, mut bits) = ([Receiver::default(); 3], [0; 3]);
    let distributor = Distributor::new(PLAN, Patience::default(), &mut receivers, &mut bits);
    let mut entries = [100, 101, 102].map(NodeEntry::new);
    let mut led = coordinator(2, &mut entries, distributor, 1, Duration::ZERO).unwrap();
    let mut out = [0; MAX_MESSAGE_LEN];
    let mut ask = |led: &mut Coordinator<'_, '_>, now| match led.next(now, &mut out) {
        CoordinatorAction::Send { len, .. } => out[..len].to_vec(),
        action => panic!("{action:?}"),
    };
    let mut nodes = [100, 101, 102].map(|it| open_at(it, &Ram::default(), 1, Duration::ZERO));
    let question = ask(&mut led, Duration::ZERO);
    let mut reports = Vec::new();
    for node in &mut nodes {
        node.receive(1, &question, Duration::ZERO).unwrap();
        reports.push(write(&drain(node, SECOND).1[0].1));
    }
    for report in &reports {
        led.receive(report, SECOND).unwrap();
        assert_eq!(led.receive(report, SECOND), Err(MessageError::Repeated));
    }
    let question = ask(&mut led, SECOND);
    assert_eq!(led.phase(), CampaignPhase::Prepare);
    nodes[0].receive(1, &question, SECOND).unwrap();
    let report = write(&drain(&mut nodes[0], 2 * SECOND).1[0].1);
    led.receive(&report, SECOND).unwrap();
    assert_eq!(led.receive(&reports[0], SECOND), Err(MessageError::Repeated));
    let state = led.nodes().next().map(|(_, state)| state);
    assert_eq!(state, Some(NodeState::Preparing));
    let mut forged = report.clone();
    forged[34] ^= 1;
    assert_eq!(led.receive(&forged, SECOND), Err(MessageError::NotAuthentic));
}
