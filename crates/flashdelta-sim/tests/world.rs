//! Worlds: clocks, links, resets, faults.

use core::time::Duration;

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use flashdelta_sim::world::{Fault, Link, Node, NodeId, Program, World};
use flashdelta_sim::NorSim;

type Flash = NorSim<1, 4, 64>;

const MS: Duration = Duration::from_millis(1);

/// Node 0 sends a numbered datagram every 10 ms; the others keep what arrives, and when.
struct Talker {
    sends: Option<u32>,
    multicasts: bool,
    received: Vec<(Duration, Vec<u8>)>,
    /// The first byte of its flash when it booted.
    found: u8,
}

/// What a node does.
#[derive(Default)]
struct Role {
    sends: bool,
    multicasts: bool,
    /// Starts a watchdog, and feeds it with the timer, every 10 ms.
    watchdog: bool,
    /// Counts its boots in flash.
    counts: bool,
}

impl Program for Talker {
    type Role = Role;
    type Storage = Flash;

    fn boot(role: &Role, node: &mut Node<'_, Flash>) -> Self {
        let mut found = [0];
        node.storage().read(0, &mut found).expect("it has power");
        if role.counts {
            let next = [found[0].wrapping_add(1); 4];
            let flash = node.storage();
            let _ = flash.erase(0, 64).and_then(|()| flash.write(0, &next));
        }
        if role.watchdog {
            node.watchdog(25 * MS);
        }
        if role.sends || role.watchdog {
            node.wake_after(10 * MS);
        }
        let sends = role.sends.then_some(0);
        Self { sends, multicasts: role.multicasts, received: Vec::new(), found: found[0] }
    }

    fn datagram(&mut self, _: NodeId, bytes: &[u8], node: &mut Node<'_, Flash>) {
        self.received.push((node.now(), bytes.to_vec()));
    }

    fn timer(&mut self, node: &mut Node<'_, Flash>) {
        match &mut self.sends {
            Some(number) => {
                let bytes = number.to_le_bytes();
                *number += 1;
                if self.multicasts {
                    node.multicast(&bytes);
                } else {
                    node.send(NodeId(1), &bytes);
                }
            }
            None => node.watchdog(25 * MS),
        }
        node.wake_after(10 * MS);
    }
}

fn pair(seed: u64, link: Link) -> World<Talker> {
    let mut world = World::new(seed);
    world.links(link);
    world.add(Role { sends: true, ..Role::default() }, Flash::new(1));
    world.add(Role::default(), Flash::new(1));
    world
}

fn received(world: &World<Talker>, node: u32) -> &[(Duration, Vec<u8>)] {
    &world.program(NodeId(node)).expect("it runs").received
}

fn numbers(world: &World<Talker>, node: u32) -> Vec<u32> {
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
    received(world, node).iter().map(|(_, bytes)| number(bytes)).collect()
}

#[test]
fn a_good_link_delivers_all_in_order_and_on_time() {
    let mut world = pair(1, Link::new().delay(3 * MS, 3 * MS));
    world.boot_time(Duration::ZERO);
    world.run_until(Duration::from_secs(1));
    assert_eq!(world.now(), Duration::from_secs(1));
    assert_eq!(numbers(&world, 1), (0..99).collect::<Vec<_>>());
    assert_eq!(received(&world, 1)[0].0, 13 * MS);
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let run = |seed| {
        let link = Link::new().loss(300).duplicates(200).corruption(200).delay(MS, 90 * MS);
        let mut world = pair(seed, link);
        world.run_until(Duration::from_secs(5));
        (received(&world, 1).to_vec(), world.traffic(NodeId(1)))
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn shares_of_loss_duplicates_and_damage_are_as_asked_for() {
    let mut world = pair(3, Link::new().loss(250).duplicates(100).corruption(500));
    world.run_until(Duration::from_secs(100));
    let sent = world.traffic(NodeId(0)).unicasts;
    assert!(sent > 9_900);
    let traffic = world.traffic(NodeId(1));
    let near = |found: u64, expected: u64| found.abs_diff(expected) < expected / 10;
    assert!(near(traffic.lost, sent / 4), "{traffic:?}");
    assert!(near(traffic.received + traffic.lost - sent, sent * 3 / 40), "{traffic:?}");
    assert!(near(traffic.corrupted, traffic.received / 2), "{traffic:?}");
}

#[test]
fn delays_of_different_length_reorder() {
    let mut world = pair(4, Link::new().delay(MS, 50 * MS));
    world.run_until(Duration::from_secs(10));
    let numbers = numbers(&world, 1);
    assert!(!numbers.is_sorted());
    let mut sorted = numbers;
    sorted.sort_unstable();
    assert_eq!(sorted, (0..sorted.len() as u32).collect::<Vec<_>>(), "none is lost");
}

#[test]
fn a_multicast_counts_once_and_each_receiver_has_its_own_luck() {
    let mut world = World::<Talker>::new(5);
    world.links(Link::new().loss(500));
    world.add(Role { sends: true, multicasts: true, ..Role::default() }, Flash::new(1));
    for _ in 0..10 {
        world.add(Role::default(), Flash::new(1));
    }
    world.run_until(Duration::from_secs(2));
    let sent = world.traffic(NodeId(0));
    assert_eq!((sent.unicasts, sent.multicast_bytes), (0, sent.multicasts * 4));
    assert_ne!(numbers(&world, 1), numbers(&world, 2));
}

#[test]
fn a_slow_sender_delivers_one_after_the_other() {
    let mut world = pair(6, Link::new());
    world.rate(40); // Four bytes take 100 ms, and every 10 ms there are four more.
    world.run_until(Duration::from_secs(2));
    let times: Vec<_> = received(&world, 1).iter().map(|(time, _)| *time).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 100 * MS));
}

#[test]
fn parts_do_not_hear_each_other_until_they_are_one_again() {
    let mut world = pair(9, Link::new());
    world.at(Duration::from_secs(1), Fault::Partition { parts: vec![0, 1] });
    world.at(Duration::from_secs(2), Fault::Partition { parts: Vec::new() });
    world.run_until(Duration::from_secs(3));
    let gap = received(&world, 1).windows(2).map(|pair| pair[1].0 - pair[0].0).max();
    assert_eq!(gap, Some(Duration::from_millis(1010)));
}

#[test]
fn links_change_and_special_ones_stay() {
    let mut world = pair(10, Link::dead());
    world.link(NodeId(0), NodeId(1), Link::new());
    world.at(Duration::ZERO, Fault::Links { link: Link::dead() });
    world.run_until(Duration::from_secs(1));
    assert!(received(&world, 1).len() > 80);
}

#[test]
fn the_watchdog_resets_a_program_that_hangs_and_no_other() {
    let mut world = World::<Talker>::new(11);
    let node = world.add(Role { watchdog: true, ..Role::default() }, Flash::new(1));
    world.run_until(Duration::from_secs(1));
    assert_eq!(world.boots(node), 1);
    world.at(Duration::from_secs(1), Fault::Hang { node });
    world.run_until(Duration::from_secs(2));
    assert_eq!(world.boots(node), 2);
}

#[test]
fn a_cut_in_a_flash_operation_is_a_reset_that_the_flash_survives_as_it_is() {
    let off_for = Duration::from_secs(10);
    let mut world = World::<Talker>::new(12);
    let node = world.add(Role { counts: true, ..Role::default() }, Flash::new(1));
    world.at(Duration::ZERO, Fault::CutFlash { node, after: 1, position: 16, off_for });
    world.at(Duration::from_secs(1), Fault::Reset { node });
    world.run_until(Duration::from_secs(2));
    // Erased and written by the first boot; the second one came to the end of its write.
    assert_eq!(world.boots(node), 2);
    assert!(world.program(node).is_none(), "it is off");
    world.run_until(Duration::from_secs(20));
    assert_eq!(world.boots(node), 3);
    assert_eq!(world.program(node).expect("it runs").found, 1);
    assert_eq!(world.storage(node).contents(0..1), [2]);
}

#[test]
fn power_can_go_for_a_time_or_for_good() {
    let mut world = World::<Talker>::new(13);
    let roles = [true, false, false];
    let [sender, off, dead] = roles.map(|sends| {
        world.add(Role { sends, multicasts: sends, ..Role::default() }, Flash::new(1))
    });
    let second = Duration::from_secs(1);
    world.at(second, Fault::PowerOff { node: off, off_for: second });
    world.at(second, Fault::PowerOff { node: dead, off_for: Duration::MAX });
    world.run_until(4 * second);
    assert_eq!((world.boots(off), world.boots(dead)), (2, 1));
    assert!(world.program(dead).is_none() && world.program(sender).is_some());
    assert!(world.traffic(dead).missed > world.traffic(off).missed);
    assert!(numbers(&world, off.0)[0] > 0, "what it knew is gone");
}
