//! Messages of groups: any bytes to a node and a coordinator; and messages of all kinds, edited, in
//! any order, with resets between them.
#![no_main]

use core::convert::Infallible;
use core::time::Duration;

use arbitrary::Arbitrary;
use flashdelta::group::{
    Authentication, Body, Campaign, Coordinator, CoordinatorAction, Decision, Facts, Message, Node,
    NodeAction, NodeEntry, NodeRecord, Refusal, Stage, Target, Timing, MAX_MESSAGE_LEN, RECORD_LEN,
};
use flashdelta::receive::{Distributor, Patience, Plan, Receiver};
use libfuzzer_sys::fuzz_target;

const OPEN: Authentication<'static> = Authentication::Transport;
const KEY: Authentication<'static> = Authentication::Key(b"0123456789abcdef");
const CAMPAIGN: u64 = 1 << 32 | 0x0202_0202;

#[derive(Arbitrary, Debug)]
enum Step {
    /// Any bytes, to both.
    Bytes(Vec<u8>),
    /// Of a coordinator, to the node: kind, decision, epoch, sequence, an edit.
    Say(u8, u8, u8, u8, Option<(u8, u8)>),
    /// What the node has said, to the coordinator, with an edit.
    Report(Option<(u8, u8)>),
    Prepared(bool),
    Verified(bool),
    Healthy,
    Refuse,
    Time(u16),
    Reset,
}

#[derive(Default)]
struct Ram(Option<[u8; RECORD_LEN]>);

impl NodeRecord for &mut Ram {
    type Error = Infallible;

    fn read(&mut self, bytes: &mut [u8; RECORD_LEN]) -> Result<bool, Infallible> {
        *bytes = self.0.unwrap_or([0; RECORD_LEN]);
        Ok(self.0.is_some())
    }

    fn write(&mut self, bytes: &[u8; RECORD_LEN]) -> Result<(), Infallible> {
        self.0 = Some(*bytes);
        Ok(())
    }
}

fn target() -> Target {
    let (go_ahead, health) = (Duration::from_secs(60), Duration::from_secs(20));
    Target { old: [1; 8], new: [2; 32], patch: [9; 8], go_ahead, health, ..Target::default() }
}

fn open(ram: &mut Ram, now: Duration) -> Node<'static, &mut Ram> {
    let facts = Facts { running: [1; 8], ..Facts::default() };
    Node::open(ram, 5, 100, facts, OPEN, 3, now).expect("what it has written, it reads")
}

fn message(kind: u8, decision: u8, epoch: u8, sequence: u8) -> Message {
    use Decision::{Abort, Commit, Keep, Revert};
    let decision = [Abort, Commit, Keep, Revert][usize::from(decision % 4)];
    let body = match kind % 5 {
        0 => Body::Survey(target()),
        1 => Body::Prepare(target()),
        2 => Body::Propose(decision),
        3 => Body::Outcome(decision),
        _ => Body::Ask(epoch.into()),
    };
    let (epoch, sequence) = (epoch.into(), sequence.into());
    Message { nodes: 3, group: 5, campaign: CAMPAIGN, epoch, sequence, body }
}

fn edit(bytes: &mut [u8], edit: Option<(u8, u8)>) {
    if let (Some((at, change)), false) = (edit, bytes.is_empty()) {
        let at = usize::from(at) % bytes.len();
        bytes[at] ^= change;
    }
}

/// What is read is what would be written, and its code is worth something.
fn parse(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes, &OPEN) else { return };
    let mut out = [0; MAX_MESSAGE_LEN];
    let len = message.write(&OPEN, &mut out);
    assert_eq!(&out[..len], bytes);
    let len = message.write(&KEY, &mut out);
    assert_eq!(Message::parse(&out[..len], &KEY), Ok(message));
    assert!(Message::parse(bytes, &KEY).is_err());
}

fuzz_target!(|steps: Vec<Step>| {
    let plan = Plan { patch: [9; 8], table_pieces: 1, pieces: 3 };
    let (mut receivers, mut bits) = ([Receiver::default(); 3], [0; 3]);
    let distributor = Distributor::new(plan, Patience::default(), &mut receivers, &mut bits);
    let mut entries = [100, 101, 102].map(NodeEntry::new);
    let campaign = Campaign { group: 5, number: 1, target: target(), quorum: 2 };
    let mut now = Duration::ZERO;
    let timing = Timing::default();
    let mut coordinator =
        Coordinator::new(campaign, timing, &mut entries, distributor, OPEN, 1, now)
            .expect("it can be");
    let mut ram = Ram::default();
    let mut node = open(&mut ram, now);
    let mut last = Vec::new();
    let mut out = [0; MAX_MESSAGE_LEN];
    for step in steps {
        let known = node.known();
        match step {
            Step::Bytes(bytes) => {
                parse(&bytes);
                let _ = node.receive(1, &bytes, now);
                let _ = coordinator.receive(&bytes, now);
            }
            Step::Say(kind, decision, epoch, sequence, change) => {
                let len = message(kind, decision, epoch, sequence).write(&OPEN, &mut out);
                edit(&mut out[..len], change);
                parse(&out[..len]);
                let _ = node.receive(1, &out[..len], now);
            }
            Step::Report(change) => {
                edit(&mut last, change);
                parse(&last);
                let _ = coordinator.receive(&last, now);
            }
            Step::Prepared(is) => {
                let _ = node.prepared(if is { Ok(()) } else { Err(Refusal::Unsafe) }, now);
            }
            Step::Verified(is) => _ = node.verified(&[if is { 2 } else { 3 }; 32], now),
            Step::Healthy => _ = node.healthy(now),
            Step::Refuse => _ = node.refuse(Refusal::Apply, now),
            Step::Time(seconds) => now += Duration::from_secs(seconds.into()),
            Step::Reset => {
                let ram = node.into_record();
                node = open(ram, now);
            }
        }
        // What is decided is decided: another campaign is the only thing that changes it.
        let is_same = node.target().is_none_or(|it| it.new == [2; 32]);
        if known.is_some_and(Decision::is_final) && is_same {
            assert!(node.known() == known || node.known().is_none());
        }
        assert!(node.stage() != Stage::Healthy, "the new image does not run");
        for _ in 0..20 {
            match node.next(now, &mut out).expect("the record can be written") {
                NodeAction::Send { len, .. } => last = out[..len].to_vec(),
                NodeAction::Wait { .. } => break,
                _ => {}
            }
        }
        for _ in 0..20 {
            match coordinator.next(now, &mut out) {
                CoordinatorAction::Send { len, .. } => {
                    parse(&out[..len]);
                    let _ = node.receive(1, &out[..len], now);
                }
                CoordinatorAction::Wait { .. } => break,
                _ => {}
            }
        }
    }
});
