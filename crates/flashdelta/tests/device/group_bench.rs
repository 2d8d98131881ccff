//! A node, and a coordinator's messages, without a network.

use core::cell::RefCell;
use core::convert::Infallible;
use core::time::Duration;
use std::rc::Rc;

use flashdelta::group::{
    Authentication, Body, Facts, Message, MessageError, Node, NodeAction, NodeError, NodeRecord,
    Stage, Target, MAX_MESSAGE_LEN, RECORD_LEN,
};
use flashdelta::receive::{Plan, To};
use flashdelta::{DeviceIdentity, Identity};

pub(super) const KEY: Authentication<'static> = Authentication::Key(b"0123456789abcdef");
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const GROUP: u32 = 5;
pub(super) const PLAN: Plan = Plan { patch: [9; 8], table_pieces: 1, pieces: 3 };

pub(super) fn target() -> Target {
    let identity = Identity { product: 7, hardware_from: 1, hardware_to: 3, security_counter: 5 };
    Target {
        identity,
        old: [1; 8],
        new: [2; 32],
        new_size: 1000,
        patch: [9; 8],
        go_ahead: 100 * SECOND,
        health: 20 * SECOND,
    }
}

pub(super) fn facts(running: u8) -> Facts {
    let identity = DeviceIdentity { product: 7, hardware: 2, security_counter: 5 };
    Facts { identity, slot: 1000, running: [running; 8] }
}

pub(super) const NUMBER: u64 = 1 << 32 | 0x0202_0202;

/// A record in memory, and how many times it was written.
#[derive(Clone, Default, Debug)]
pub(super) struct Ram(pub(super) Rc<RefCell<(Option<[u8; RECORD_LEN]>, u32)>>);

impl NodeRecord for Ram {
    type Error = Infallible;

    fn read(&mut self, bytes: &mut [u8; RECORD_LEN]) -> Result<bool, Infallible> {
        let record = self.0.borrow().0;
        *bytes = record.unwrap_or([0; RECORD_LEN]);
        Ok(record.is_some())
    }

    fn write(&mut self, bytes: &[u8; RECORD_LEN]) -> Result<(), Infallible> {
        let mut record = self.0.borrow_mut();
        *record = (Some(*bytes), record.1 + 1);
        Ok(())
    }
}

pub(super) type Held = Node<'static, Ram>;

pub(super) fn open(ram: &Ram, running: u8, now: Duration) -> Held {
    open_at(100, ram, running, now)
}

pub(super) fn open_at(address: u32, ram: &Ram, running: u8, now: Duration) -> Held {
    Node::open(ram.clone(), GROUP, address, facts(running), KEY, 3, now).expect("it opens")
}

/// A message of a coordinator of a group of three.
pub(super) fn said(epoch: u64, sequence: u32, body: Body) -> Vec<u8> {
    let message = Message { nodes: 3, group: GROUP, campaign: NUMBER, epoch, sequence, body };
    write(&message)
}

pub(super) fn write(message: &Message) -> Vec<u8> {
    let mut out = [0; MAX_MESSAGE_LEN];
    let len = message.write(&KEY, &mut out);
    assert!(len > 0);
    out[..len].to_vec()
}

/// What a node does until it waits; what it sends is parsed.
pub(super) fn drain(node: &mut Held, now: Duration) -> (Vec<NodeAction>, Vec<(To, Message)>) {
    let (mut actions, mut sent) = (Vec::new(), Vec::new());
    let mut out = [0; MAX_MESSAGE_LEN];
    loop {
        match node.next(now, &mut out).expect("it goes on") {
            NodeAction::Wait { .. } => return (actions, sent),
            NodeAction::Send { to, len } => {
                sent.push((to, Message::parse(&out[..len], &KEY).expect("it is one")));
            }
            NodeAction::Revert => {
                actions.push(NodeAction::Revert);
                return (actions, sent);
            }
            action => actions.push(action),
        }
    }
}

/// What a node does within a second.
pub(super) fn soon(node: &mut Held, now: Duration) -> Vec<NodeAction> {
    let mut actions = drain(node, now).0;
    actions.extend(drain(node, now + SECOND).0);
    actions
}

/// A node that has verified, in this epoch; its last message had the number 2.
pub(super) fn verified(ram: &Ram, epoch: u64) -> Held {
    let mut node = open(ram, 1, Duration::ZERO);
    node.receive(1, &said(epoch, 1, Body::Survey(target())), Duration::ZERO).unwrap();
    assert_eq!(node.stage(), Stage::Idle);
    node.receive(1, &said(epoch, 2, Body::Prepare(target())), Duration::ZERO).unwrap();
    assert_eq!(soon(&mut node, Duration::ZERO), [NodeAction::Prepare]);
    node.prepared(Ok(()), SECOND).unwrap();
    node.verified(&[2; 32], SECOND).unwrap();
    assert_eq!(node.stage(), Stage::Verified);
    node
}

pub(super) fn refused(result: Result<(), NodeError<Infallible>>) -> MessageError {
    match result {
        Err(NodeError::Message(error)) => error,
        other => panic!("{other:?}"),
    }
}
