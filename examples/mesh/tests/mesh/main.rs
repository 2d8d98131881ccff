//! The group as processes of their own: what goes wrong in the field, and that updates survive it.
//!
//! `cargo test -p flashdelta-mesh -- --nocapture` prints the figures of the README.

mod world;

use world::World;

#[test]
fn twenty_devices_are_updated_as_one_though_a_fifth_of_all_is_lost() {
    for loss in [0.0, 0.2] {
        let Some(mut world) = World::new("twenty", 20) else { return };
        world.loss = loss;
        world.start_all();
        let ended = world.lead("phone", 1, &[]).end();
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        (0..20).for_each(|number| world.wait_for(number, &world.new));
        println!("loss {loss}: {}", ended.said.lines().last().unwrap());
    }
}

#[test]
fn a_device_and_the_coordinator_are_killed_and_it_goes_on_with_others() {
    let Some(mut world) = World::new("killed", 5) else { return };
    world.loss = 0.2;
    world.start_all();
    let phone = world.lead("phone", 1, &[]);
    phone.wait_for("Distribute");
    world.kill(3);
    phone.kill();
    world.start(3);
    let gateway = world.lead("gateway", 2, &[]);
    gateway.wait_for("Propose(Commit)");
    world.kill(1);
    world.start(1);
    let ended = gateway.end();
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    (0..5).for_each(|number| world.wait_for(number, &world.new));
}

#[test]
fn all_go_back_when_the_new_image_is_not_healthy_on_one() {
    let Some(mut world) = World::new("sick", 5) else { return };
    world.make(2, &["--sick"]);
    world.start_all();
    let ended = world.lead("phone", 1, &["--health=2"]).end();
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert!(ended.said.contains("Revert after"), "{}", ended.said);
    (0..5).for_each(|number| world.wait_for(number, &world.old));
    assert!(world.log(0).contains("on trial") && world.log(2).contains("not healthy"));
}

#[test]
fn a_device_that_comes_late_gets_what_the_others_have() {
    let Some(mut world) = World::new("late", 5) else { return };
    world.loss = 0.1;
    (0..4).for_each(|number| world.start(number));
    let phone = world.lead("phone", 1, &["--quorum=4", "--stall=8", "--lost=60"]);
    phone.wait_for("4 Kept");
    assert!(!world.runs(4, &world.new));
    world.start(4);
    let ended = phone.end();
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    (0..5).for_each(|number| world.wait_for(number, &world.new));
}

#[test]
fn none_starts_the_new_image_when_one_has_another_base() {
    let Some(mut world) = World::new("base", 3) else { return };
    world.start(0);
    world.start(1);
    world.has_other_image(2);
    world.start(2);
    let ended = world.lead("phone", 1, &[]).end();
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert!(ended.said.contains("1 Refused(Base)"), "{}", ended.said);
    assert!(ended.said.contains("Abort after"), "{}", ended.said);
    (0..2).for_each(|number| assert!(world.runs(number, &world.old)));
}

#[test]
fn what_is_forged_is_refused_before_it_is_written() {
    let Some(mut world) = World::new("forged", 3) else { return };
    world.start_all();
    // Somebody else's patch, by the header that all would take.
    world.sign(&world.old, "other-ed25519.pem");
    let ended = world.lead("stranger", 1, &["--stall=3", "--go-ahead=3"]).end();
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    (0..3).for_each(|number| {
        assert!(world.log(number).contains("refused"), "{}", world.log(number));
        assert!(world.runs(number, &world.old));
    });
    // And wrong chunks, all the time, by somebody who has no key at all.
    world.sign(&world.old, "ed25519.pem");
    let phone = world.lead("phone", 2, &["--number=2"]);
    phone.wait_for("Distribute");
    for round in 0..200_u32 {
        let piece = [3, 1].into_iter().chain((round % 10).to_le_bytes());
        world.multicast(&piece.chain([0x5A; 1024]).collect::<Vec<_>>());
    }
    let ended = phone.end();
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    (0..3).for_each(|number| world.wait_for(number, &world.new));
}
