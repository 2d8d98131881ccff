//! The rules of nodes and messages, one by one: `group_coordinators.rs` has those of coordinators.

use core::time::Duration;

use super::group_bench::{
    drain, facts, open, refused, said, soon, target, verified, write, Ram, GROUP, KEY, NUMBER,
    SECOND,
};
use flashdelta::group::{
    Authentication, Body, Decision, Message, MessageError, Node, NodeAction, NodeError, Refusal,
    Stage, Target, MAX_MESSAGE_LEN,
};
use flashdelta::receive::To;

#[test]
fn a_message_is_read_as_it_was_written_and_no_byte_of_it_can_be_changed() {
    let ram = &Ram::default();
    let mut node = verified(ram, 7);
    node.receive(1, &said(7, 3, Body::Propose(Decision::Commit)), SECOND).unwrap();
    let report = drain(&mut node, 3 * SECOND).1[0].1;
    assert!(matches!(report.body, Body::Report(_)));
    let bodies = [
        Body::Survey(target()),
        Body::Prepare(target()),
        Body::Propose(Decision::Revert),
        Body::Outcome(Decision::Keep),
        Body::Ask(7),
        report.body,
    ];
    for body in bodies {
        let message = Message { body, ..report };
        let bytes = write(&message);
        assert!(bytes.len() <= MAX_MESSAGE_LEN && MAX_MESSAGE_LEN <= 128);
        assert_eq!(Message::parse(&bytes, &KEY), Ok(message));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                assert_eq!(Message::parse(&other, &KEY), Err(MessageError::NotAuthentic));
            }
            assert_eq!(Message::parse(&bytes[..at], &KEY), Err(MessageError::NotAuthentic));
        }
        let other = Authentication::Key(b"0123456789abcdeg");
        assert_eq!(Message::parse(&bytes, &other), Err(MessageError::NotAuthentic));
        // The transport vouches for it: there is no code.
        let said = &bytes[..bytes.len() - 16];
        assert_eq!(Message::parse(said, &Authentication::Transport), Ok(message));
        let mut out = [0; MAX_MESSAGE_LEN];
        let len = message.write(&Authentication::Transport, &mut out);
        assert_eq!(&out[..len], said);
        assert_eq!(message.write(&KEY, &mut out[..bytes.len() - 1]), 0);
    }
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let parse = |bytes: &[u8]| Message::parse(bytes, &Authentication::Transport);
    let mut out = [0; MAX_MESSAGE_LEN];
    let body = Body::Outcome(Decision::Keep);
    let message = Message { nodes: 3, group: 1, campaign: 2, epoch: 3, sequence: 4, body };
    let len = message.write(&Authentication::Transport, &mut out);
    let with = |at: usize, value: u8| {
        let mut other = out[..len].to_vec();
        other[at] = value;
        parse(&other)
    };
    assert_eq!(with(0, 2), Err(MessageError::Version { found: 2 }));
    assert_eq!(with(1, 9), Err(MessageError::Kind { found: 9 }));
    assert_eq!(with(1, 6), Err(MessageError::Length { expected: 32, found: 29 }));
    assert_eq!(with(28, 5), Err(MessageError::Value { kind: 4 }));
    assert_eq!(parse(&out[..1]), Err(MessageError::Length { expected: 28, found: 1 }));
    assert_eq!(parse(&out[..28]), Err(MessageError::Length { expected: 29, found: 28 }));
}

/// The layout is what the documentation says.
#[test]
fn the_layout_is_the_documented_one() {
    let body = Body::Propose(Decision::Commit);
    let (campaign, epoch) = (0x0807_0605_0403_0201, 0x1817_1615_1413_1211);
    let message = Message { nodes: 0x0201, group: 0x0403_0201, campaign, epoch, sequence: 7, body };
    let mut out = [0; MAX_MESSAGE_LEN];
    let len = message.write(&Authentication::Transport, &mut out);
    let mut expected = vec![1, 3, 1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8];
    expected.extend([0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 7, 0, 0, 0, 2]);
    assert_eq!(&out[..len], expected);
}

#[test]
fn a_node_follows_the_highest_epoch_through_resets_and_takes_each_message_once() {
    let ram = &Ram::default();
    let mut node = verified(ram, 7);
    let commit = Body::Propose(Decision::Commit);
    // Of the coordinator that was replaced.
    let error = refused(node.receive(1, &said(6, 90, commit), SECOND));
    assert_eq!(error, MessageError::OldEpoch { followed: 7, found: 6 });
    // Again.
    let error = refused(node.receive(1, &said(7, 2, Body::Prepare(target())), SECOND));
    assert_eq!(error, MessageError::Repeated);
    node.receive(2, &said(8, 1, Body::Survey(target())), SECOND).unwrap();
    let error = refused(node.receive(1, &said(7, 3, commit), SECOND));
    assert_eq!(error, MessageError::OldEpoch { followed: 8, found: 7 });
    drop(node);
    let mut node = open(ram, 1, SECOND);
    assert_eq!(node.stage(), Stage::Verified);
    let error = refused(node.receive(1, &said(7, 3, commit), SECOND));
    assert_eq!(error, MessageError::OldEpoch { followed: 8, found: 7 });
    // It tells the old coordinator that there is another one.
    let (_, sent) = drain(&mut node, 2 * SECOND);
    assert!(sent.iter().any(|(to, message)| *to == To::One(1) && message.epoch == 8), "{sent:?}");
}

#[test]
fn what_a_node_has_accepted_survives_a_reset_and_is_reported() {
    let ram = &Ram::default();
    let mut node = verified(ram, 7);
    node.receive(1, &said(7, 3, Body::Propose(Decision::Commit)), SECOND).unwrap();
    drop(node);
    let mut node = open(ram, 1, SECOND);
    node.receive(2, &said(8, 1, Body::Survey(target())), SECOND).unwrap();
    let (_, sent) = drain(&mut node, 2 * SECOND);
    // It is how the coordinator comes to propose it again: see `after_one_was_told` below.
    let [(To::One(2), Message { body: Body::Report(report), .. })] = sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(report.stage, Stage::Verified);
    assert!(format!("{report:?}").contains("epoch: 7, decision: Commit"), "{report:?}");
}

#[test]
fn a_node_takes_back_what_it_has_prepared_unless_it_has_accepted_to_start_it() {
    for accepts in [false, true] {
        let ram = &Ram::default();
        let mut node = verified(ram, 7);
        if accepts {
            node.receive(1, &said(7, 3, Body::Propose(Decision::Commit)), SECOND).unwrap();
        } else {
            node.receive(1, &said(7, 3, Body::Prepare(target())), SECOND).unwrap();
        }
        drain(&mut node, 2 * SECOND);
        assert_eq!(drain(&mut node, 100 * SECOND).0, []);
        assert_eq!(node.stage(), Stage::Verified);
        let dropped = drain(&mut node, 101 * SECOND).0;
        if accepts {
            assert_eq!((node.stage(), &dropped[..]), (Stage::Verified, &[][..]));
            // It asks instead, and learns it from another node.
            let asks = drain(&mut node, 500 * SECOND).1;
            assert!(matches!(asks[..], [(To::All, Message { body: Body::Ask(100), .. })]));
            node.receive(50, &said(7, 0, Body::Outcome(Decision::Commit)), 600 * SECOND).unwrap();
            assert_eq!(soon(&mut node, 600 * SECOND), [NodeAction::Activate]);
        } else {
            assert_eq!((node.stage(), &dropped[..]), (Stage::Withdrawn, &[NodeAction::Drop][..]));
            // It can be asked again.
            node.receive(1, &said(7, 4, Body::Prepare(target())), 200 * SECOND).unwrap();
            assert_eq!(soon(&mut node, 200 * SECOND), [NodeAction::Prepare]);
        }
    }
}

#[test]
fn a_new_image_that_is_not_healthy_in_time_is_taken_back_three_times_at_most() {
    let ram = &Ram::default();
    let mut node = verified(ram, 7);
    node.receive(1, &said(7, 3, Body::Outcome(Decision::Commit)), SECOND).unwrap();
    assert_eq!(soon(&mut node, SECOND), [NodeAction::Activate]);
    drop(node);
    for attempt in 1..=3 {
        let mut node = open(ram, 2, Duration::ZERO);
        assert_eq!(drain(&mut node, 19 * SECOND).0, [NodeAction::Check]);
        assert_eq!(drain(&mut node, 20 * SECOND).0, [NodeAction::Revert]);
        drop(node);
        let mut node = open(ram, 1, Duration::ZERO);
        let expected: &[_] = if attempt < 3 { &[NodeAction::Activate] } else { &[] };
        assert_eq!(drain(&mut node, SECOND).0, expected);
    }
    let mut node = open(ram, 1, Duration::ZERO);
    assert_eq!(node.stage(), Stage::Failed);
    // The others run it: it tries again.
    node.receive(1, &said(7, 9, Body::Outcome(Decision::Keep)), SECOND).unwrap();
    assert_eq!(soon(&mut node, SECOND), [NodeAction::Activate]);
    drop(node);
    let mut node = open(ram, 2, Duration::ZERO);
    assert_eq!(drain(&mut node, SECOND).0, [NodeAction::Check]);
    node.healthy(SECOND).unwrap();
    assert_eq!(node.stage(), Stage::Healthy);
    assert_eq!(drain(&mut node, 100 * SECOND).0, [NodeAction::Keep]);
}

#[test]
fn a_healthy_node_goes_back_if_the_group_does() {
    let ram = &Ram::default();
    let mut node = verified(ram, 7);
    node.receive(1, &said(7, 3, Body::Outcome(Decision::Commit)), SECOND).unwrap();
    drop(node);
    let mut node = open(ram, 2, Duration::ZERO);
    node.healthy(SECOND).unwrap();
    node.receive(1, &said(7, 4, Body::Outcome(Decision::Revert)), SECOND).unwrap();
    assert_eq!(soon(&mut node, SECOND), [NodeAction::Revert]);
    drop(node);
    let mut node = open(ram, 1, Duration::ZERO);
    assert_eq!((node.stage(), node.known()), (Stage::Withdrawn, Some(Decision::Revert)));
    assert_eq!(drain(&mut node, SECOND).0, [NodeAction::Drop]);
}

#[test]
fn nodes_refuse_what_does_not_fit_them() {
    type Change = fn(&mut Target);
    let cases: [(Change, Refusal); 5] = [
        (|target| target.identity.product = 8, Refusal::Product),
        (|target| target.identity.hardware_from = 3, Refusal::Hardware),
        (|target| target.identity.security_counter = 4, Refusal::Rollback),
        (|target| target.new_size = 1001, Refusal::Slot),
        (|target| target.old = [3; 8], Refusal::Base),
    ];
    for (change, refusal) in cases {
        let mut target = target();
        change(&mut target);
        let ram = &Ram::default();
        let mut node = open(ram, 1, Duration::ZERO);
        node.receive(1, &said(7, 1, Body::Prepare(target)), SECOND).unwrap();
        assert_eq!(node.stage(), Stage::Refused(refusal));
        assert_eq!(soon(&mut node, SECOND), []);
    }
    let ram = &Ram::default();
    let mut node = open(ram, 1, Duration::ZERO);
    node.receive(1, &said(7, 1, Body::Prepare(target())), SECOND).unwrap();
    node.prepared(Ok(()), SECOND).unwrap();
    node.verified(&[3; 32], SECOND).unwrap();
    assert_eq!(node.stage(), Stage::Refused(Refusal::Apply));
}

#[test]
fn a_node_listens_to_its_group_alone() {
    let ram = &Ram::default();
    let mut node = verified(ram, 7);
    let body = Body::Propose(Decision::Commit);
    let right = Message { nodes: 3, group: GROUP, campaign: NUMBER, epoch: 7, sequence: 3, body };
    for wrong in [Message { group: 6, ..right }, Message { nodes: 4, ..right }] {
        let error = refused(node.receive(1, &write(&wrong), SECOND));
        assert_eq!(error, MessageError::OtherGroup);
    }
    // Another campaign begins: only by what names its target, and not while this one is open.
    let later = (NUMBER + (1 << 32)) & !0xFFFF_FFFF | 0x0303_0303;
    let next = Target { new: [3; 32], ..target() };
    let begins = Message { campaign: later, body: Body::Survey(next), ..right };
    let error = refused(node.receive(1, &write(&Message { body, ..begins }), SECOND));
    assert_eq!(error, MessageError::OtherCampaign { expected: NUMBER, found: later });
    node.receive(1, &write(&right), SECOND).unwrap();
    let error = refused(node.receive(1, &write(&begins), SECOND));
    assert_eq!(error, MessageError::OtherCampaign { expected: NUMBER, found: later });
    node.receive(1, &said(7, 9, Body::Outcome(Decision::Abort)), SECOND).unwrap();
    let error = refused(node.receive(1, &said(7, 10, Body::Outcome(Decision::Commit)), SECOND));
    assert_eq!(error, MessageError::Contradiction);
    node.receive(1, &write(&begins), SECOND).unwrap();
    assert_eq!((node.stage(), node.known()), (Stage::Idle, None));
}

#[test]
fn a_record_is_written_only_when_something_changes() {
    let ram = &Ram::default();
    let mut node = verified(ram, 7);
    for sequence in 3..50 {
        node.receive(1, &said(7, sequence, Body::Prepare(target())), SECOND).unwrap();
        drain(&mut node, 2 * SECOND);
    }
    drop(node);
    // The survey, the preparation, ready, verified.
    assert_eq!(ram.0.borrow().1, 4);
    ram.0.borrow_mut().0.as_mut().unwrap()[0] = 9;
    let opened = Node::open(ram.clone(), GROUP, 100, facts(1), KEY, 3, SECOND);
    assert_eq!(opened.err(), Some(NodeError::BadRecord));
}
