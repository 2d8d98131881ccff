//! A group of five devices is updated as one; their coordinator dies in the middle of it, and
//! another one ends it.
//!
//! ```sh
//! cargo run -p flashdelta --example group
//! ```
//!
//! The network is a table here that loses every third message, and the patch is one that the nodes
//! just count as received: `tests/device/group.rs` has worlds.

use core::error::Error;
use core::time::Duration;

use flashdelta::group::{
    Authentication, Campaign, CampaignPhase, Coordinator, CoordinatorAction, Decision, Facts, Node,
    NodeAction, NodeEntry, NodeState, Target, Timing, MAX_MESSAGE_LEN,
};
use flashdelta::nor::Records;
use flashdelta::receive::{Action, Distributor, Patience, Plan, Receiver, Status, To};
use flashdelta_sim::world::SharedFlash;
use flashdelta_sim::NorSim;

const NODES: u32 = 5;
const GROUP: u32 = 1;
const KEY: Authentication<'static> = Authentication::Key(b"random bytes, for this group only");
const PLAN: Plan = Plan { patch: [9; 8], table_pieces: 1, pieces: 8 };
const STEP: Duration = Duration::from_millis(100);

type Flash = SharedFlash<1, 4, 256>;
type Device = Node<'static, Records<Flash>>;

/// What all are to become: image 2, from image 1.
fn target() -> Target {
    Target {
        old: [1; 8],
        new: [2; 32],
        new_size: 1000,
        patch: PLAN.patch,
        go_ahead: Duration::from_secs(120),
        health: Duration::from_secs(30),
        ..Target::default()
    }
}

/// A device boots: image 1 or 2.
fn boot(flash: &Flash, address: u32, image: u8, now: Duration) -> Result<Device, Box<dyn Error>> {
    let records = Records::new(flash.clone(), 0, 512)?;
    let facts = Facts { slot: 1000, running: [image; 8], ..Facts::default() };
    Ok(Node::open(records, GROUP, address, facts, KEY, address + 7, now)?)
}

/// A device does what it is to do; what it says goes to the coordinator.
fn act(
    device: &mut Device,
    flash: &Flash,
    address: u32,
    now: Duration,
    said: &mut Vec<Vec<u8>>,
) -> Result<(), Box<dyn Error>> {
    let mut out = [0; MAX_MESSAGE_LEN];
    loop {
        match device.next(now, &mut out)? {
            NodeAction::Send { len, .. } => said.push(out[..len].to_vec()),
            // Here it would stop its motors.
            NodeAction::Prepare => device.prepared(Ok(()), now)?,
            NodeAction::Activate => {
                println!("{:5.1} s  device {address} starts the new image", now.as_secs_f32());
                *device = boot(flash, address, 2, now)?;
            }
            NodeAction::Check => device.healthy(now)?,
            NodeAction::Revert => *device = boot(flash, address, 1, now)?,
            NodeAction::Drop | NodeAction::Keep => {}
            NodeAction::Wait { .. } => return Ok(()),
            action => unreachable!("{action:?}"),
        }
    }
}

/// A coordinator leads until `dies` says so, or all is done.
fn lead(
    name: &str,
    random: u32,
    devices: &mut [(Device, Flash)],
    now: &mut Duration,
    dies: impl Fn(CampaignPhase) -> bool,
) -> Result<Option<Decision>, Box<dyn Error>> {
    let mut receivers = [Receiver::default(); NODES as usize];
    let mut bits = [0; Distributor::bits_len(&PLAN, NODES as usize)];
    let distributor = Distributor::new(PLAN, Patience::default(), &mut receivers, &mut bits);
    let mut entries: Vec<_> = (0..NODES).map(NodeEntry::new).collect();
    let campaign = Campaign { group: GROUP, number: 1, target: target(), quorum: NODES as u16 };
    let timing = Timing::default();
    let mut coordinator =
        Coordinator::new(campaign, timing, &mut entries, distributor, KEY, random, *now)?;
    let (mut out, mut sent, mut phase) = ([0; MAX_MESSAGE_LEN], 0, None);
    while !coordinator.is_done(*now, Duration::from_secs(600)) {
        let action = coordinator.next(*now, &mut out);
        if phase.replace(coordinator.phase()) != Some(coordinator.phase()) {
            println!("{:5.1} s  {name}: {:?}", now.as_secs_f32(), coordinator.phase());
        }
        if dies(coordinator.phase()) {
            println!("{:5.1} s  {name} dies", now.as_secs_f32());
            return Ok(None);
        }
        let mut said = Vec::new();
        match action {
            CoordinatorAction::Send { to, len } => {
                for (address, (device, _)) in (0..).zip(devices.iter_mut()) {
                    sent += 1;
                    if [To::All, To::One(address)].contains(&to) && sent % 3 > 0 {
                        // What is of no use is said so, and changes nothing.
                        let _ = device.receive(99, &out[..len], *now);
                    }
                }
            }
            // All that was sent has arrived: `receive::Store` would tell what has not.
            CoordinatorAction::Distribute(Action::Ask { question, .. }) => {
                for address in 0..NODES {
                    let mut status = [0; 40];
                    let len =
                        Status::write(&mut status, question, PLAN.patch, PLAN.pieces, &[0xFF]);
                    let status = Status::parse(&status[..len]).ok_or("it was written so")?;
                    coordinator.status(address, &status, *now);
                    // And was applied to the other slot.
                    devices[address as usize].0.verified(&target().new, *now)?;
                }
            }
            CoordinatorAction::Wait { .. } => *now += STEP,
            _ => {}
        }
        for (address, (device, flash)) in (0..).zip(devices.iter_mut()) {
            act(device, flash, address, *now, &mut said)?;
        }
        for message in said {
            let _ = coordinator.receive(&message, *now);
        }
    }
    assert!(coordinator.nodes().all(|(_, state)| state == NodeState::Kept));
    Ok(coordinator.decided())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut now = Duration::ZERO;
    let mut devices = Vec::new();
    for address in 0..NODES {
        let flash = Flash::new(NorSim::used(2, address.into()));
        devices.push((boot(&flash, address, 1, now)?, flash));
    }
    let dies = |phase| phase == CampaignPhase::Propose(Decision::Commit);
    assert_eq!(lead("the phone", 1, &mut devices, &mut now, dies)?, None);
    let decided = lead("the gateway", 2, &mut devices, &mut now, |_| false)?;
    println!("{:5.1} s  decided: {decided:?}", now.as_secs_f32());
    assert_eq!(decided, Some(Decision::Keep));
    Ok(())
}
