//! What devices are offered, and why.

mod common;

use common::{catalogue, device, image, name, version, Table, SIZE};
use flashdelta_fleet::catalogue::Device;
use flashdelta_fleet::catalogue::{Applier, Catalogue, HardwareRange, Release, Running};
use flashdelta_fleet::planner::{
    plan, Answer, Estimate, KnownCosts, Plan, Transfer, Update, UpdateKind,
};
use flashdelta_fleet::rules::{
    Assignment, Blocked, Condition, LinkClass, Rules, Share, SteppingStone, Window, WindowRule,
};

/// 2026-11-29, 12:00 UTC.
const NOON: i64 = 1_795_953_600;

/// Deltas of 100 bytes between neighbours and 250 between others, whole images of 600.
fn costs() -> Table {
    let mut table = Table::default();
    for old in 0..20u8 {
        for new in 0..20u8 {
            let is_next = new.abs_diff(old) == 1;
            table.deltas.insert((old, new), if is_next { 100 } else { 250 });
        }
        table.wholes.insert(old, 600);
    }
    table
}

fn rules(release: &str) -> Rules {
    let mut rules = Rules::new(name("heron"));
    rules.assignments.push(Assignment::new(name("all"), version(release)));
    rules
}

fn at(number: u8) -> Device {
    Device { running: Running::One(image(number, SIZE).memory.sha256), ..device() }
}

fn run(catalogue: &Catalogue, rules: &Rules, device: &Device) -> Plan {
    rules.check(catalogue).unwrap();
    plan(catalogue, rules, device, NOON, &costs()).unwrap()
}

fn update(plan: &Plan) -> &Update {
    match &plan.answer {
        Answer::Update(update) => update,
        other => panic!("{other:?}: {}", told(plan).join("; ")),
    }
}

fn told(plan: &Plan) -> Vec<String> {
    plan.reasons.iter().map(ToString::to_string).collect()
}

fn through(plan: &Plan) -> Vec<&str> {
    update(plan).steps.iter().map(|step| step.to.as_str()).collect()
}

#[test]
fn the_cheapest_way_is_taken() {
    let catalogue = catalogue(&["1.0", "1.1", "1.2", "1.3"], &["app"]);
    let rules = rules("1.2");
    let chain = run(&catalogue, &rules, &at(0));
    assert_eq!((through(&chain), update(&chain).kind), (vec!["1.1", "1.2"], UpdateKind::Chain));
    assert_eq!(
        told(&chain),
        ["rule all: release 1.2", "several steps of 200 bytes in place of one of 250"]
    );
    let delta = run(&catalogue, &rules, &at(1));
    assert_eq!(
        (through(&delta), update(&delta).kind, update(&delta).bytes),
        (vec!["1.2"], UpdateKind::Delta, 100)
    );
    let held = run(&catalogue, &rules, &at(2));
    assert_eq!(
        (held.answer.clone(), told(&held)),
        (
            Answer::UpToDate,
            vec!["rule all: release 1.2".into(), "the device holds release 1.2".into()]
        )
    );
    // By the digest of the file, too.
    let by_file = Device { running: Running::One(image(1, SIZE).sha256), ..device() };
    assert_eq!(run(&catalogue, &rules, &by_file).answer, delta.answer);
}

#[test]
fn an_unknown_image_is_replaced_by_a_whole_one() {
    let catalogue = catalogue(&["1.0", "1.1"], &["app"]);
    for (device, part) in [(device(), "does not say"), (at(99), "no release has the image")] {
        let plan = run(&catalogue, &rules("1.1"), &device);
        let [step] = &*update(&plan).steps else { panic!("{plan:?}") };
        assert!(matches!(step.parts[0].transfer, Transfer::Whole { .. }));
        assert_eq!(
            (step.from.clone(), step.bytes, update(&plan).kind),
            (None, 600, UpdateKind::Whole)
        );
        assert!(told(&plan)[0].contains(part), "{plan:?}");
    }
}

#[test]
fn appliers_get_what_they_can_take() {
    let catalogue = catalogue(&["1.0", "1.1"], &["app"]);
    let with = |applier: Applier| Device { applier, ..at(0) };
    let none = run(&catalogue, &rules("1.1"), &with(Applier::none()));
    assert!(matches!(update(&none).steps[0].parts[0].transfer, Transfer::File { .. }));
    assert!(told(&none)[1].contains("reads no patches"), "{none:?}");
    let newer = Applier { formats: [7].into(), ..Applier::default() };
    assert_eq!(run(&catalogue, &rules("1.1"), &with(newer)).answer, none.answer);

    let tiny = with(Applier { ram: Some(1024), ..Applier::default() });
    let file = plan(&catalogue, &rules("1.1"), &tiny, NOON, &Estimate).unwrap();
    assert_eq!(update(&file).steps[0].bytes, u64::from(SIZE));
    assert!(told(&file)[1].contains("no patch to app of release 1.1 can be made"), "{file:?}");

    let nothing = Applier { takes_files: false, ..Applier::none() };
    let plan = run(&catalogue, &rules("1.1"), &with(nothing));
    assert_eq!(plan.answer, Answer::Nothing);
    assert!(told(&plan)[2].contains("no patch to app"), "{plan:?}");
}

#[test]
fn what_was_made_counts_more_than_guesses() {
    let catalogue = catalogue(&["1.0", "1.1"], &["app"]);
    let (rules, device) = (rules("1.1"), at(0));
    let [old, new] = [0, 1].map(|number| image(number, SIZE).memory.sha256);
    let key = device.applier.key().unwrap();
    let mut known = KnownCosts::new();
    let bytes = |known: &KnownCosts| {
        let plan = plan(&catalogue, &rules, &device, NOON, known).unwrap();
        (update(&plan).kind, update(&plan).steps[0].bytes, update(&plan).steps[0].is_exact)
    };
    assert_eq!(bytes(&known), (UpdateKind::Delta, 266, false));
    known.note(Some(old), new, key.clone(), Some(300));
    assert_eq!(bytes(&known), (UpdateKind::Delta, 300, true));
    known.note(None, new, key.clone(), Some(200));
    assert_eq!(bytes(&known), (UpdateKind::Whole, 200, true));
    known.note(None, new, key.clone(), None);
    known.note(Some(old), new, key, None);
    // The file as it is.
    assert_eq!(bytes(&known), (UpdateKind::Whole, 1000, true));
}

#[test]
fn the_first_assignment_counts_that_is_for_the_device() {
    let catalogue = catalogue(&["1.0", "1.1", "1.2", "2.0"], &["app"]);
    let mut rules = rules("1.1");
    let assign = |id: &str, condition: &str, release: &str| Assignment {
        condition: Condition::new(condition).unwrap(),
        ..Assignment::new(name(id), version(release))
    };
    rules.assignments.splice(
        0..0,
        [
            assign("lab", "'lab' in tags", "2.0"),
            assign("region", "attributes.region == 'eu'", "2.0"),
            Assignment { paused: true, ..assign("paused", "true", "2.0") },
            Assignment { share: Share::NONE, ..assign("share", "true", "2.0") },
            assign("blocked", "true", "1.2"),
        ],
    );
    let block = Blocked {
        id: name("bad"),
        condition: Condition::always(),
        version: version("1.2"),
        why: "bricks".into(),
    };
    rules.blocked.push(block);
    let plan = run(&catalogue, &rules, &at(0));
    assert_eq!(through(&plan), ["1.1"]);
    let told = told(&plan);
    assert_eq!(told[0], "rule lab: its condition does not hold");
    assert!(told[1].starts_with("rule region: its condition cannot be evaluated: "), "{told:?}");
    assert_eq!(told[2], "rule paused: it is paused");
    assert!(
        told[3].starts_with("rule share: it has come to 0 % of its devices, and this one is at "),
        "{told:?}"
    );
    assert_eq!(told[4], "release 1.2 is blocked by rule bad: bricks");
    assert_eq!(told[5], "rule all: release 1.1");

    let lab = Device { tags: [name("lab")].into(), ..at(0) };
    let plan = run(&catalogue, &rules, &lab);
    // Not by way of 1.2, which is blocked.
    assert_eq!((through(&plan), update(&plan).bytes), (vec!["2.0"], 250));

    let nothing = run(&catalogue, &Rules::new(name("heron")), &at(0));
    assert_eq!(nothing.answer, Answer::Nothing);
    assert_eq!(nothing.reasons[0].to_string(), "not offered: no rule gives the device a release");
}

#[test]
fn windows_close() {
    let catalogue = catalogue(&["1.0", "1.1"], &["app"]);
    let mut rules = rules("1.1");
    let window = |from: &str, until: &str| {
        Window::new("+01:00".parse().unwrap(), from.parse().unwrap(), until.parse().unwrap())
    };
    let rule = |id: &str, condition: &str, window| WindowRule {
        id: name(id),
        condition: Condition::new(condition).unwrap(),
        window,
    };
    rules.windows.push(rule("night", "true", window("22:00", "06:00")));
    let plan = run(&catalogue, &rules, &at(0));
    assert_eq!(plan.answer, Answer::Nothing);
    assert_eq!(told(&plan)[1], "not offered: outside its window until 22:00");
    // One that holds the release is told so at any time.
    assert_eq!(run(&catalogue, &rules, &at(1)).answer, Answer::UpToDate);
    // A window for other devices does not open for this one; a further one of its own does.
    rules.windows.push(rule("lab", "'lab' in tags", window("12:00", "14:00")));
    assert_eq!(run(&catalogue, &rules, &at(0)).answer, Answer::Nothing);
    rules.windows.push(rule("noon", "true", window("12:00", "14:00")));
    assert_eq!(through(&run(&catalogue, &rules, &at(0))), ["1.1"]);
    // Whose condition cannot be evaluated, the device is in.
    rules.windows.truncate(0);
    rules.windows.push(rule("shop", "attributes.shop == 'a'", window("22:00", "06:00")));
    assert_eq!(run(&catalogue, &rules, &at(0)).answer, Answer::Nothing);
}

#[test]
fn stepping_stones_are_stepped_on() {
    let catalogue = catalogue(&["1.0", "1.1", "1.5", "1.9", "2.0", "2.1"], &["app"]);
    let mut rules = rules("2.1");
    let stone = SteppingStone {
        id: name("data"),
        condition: Condition::always(),
        below: version("2.0"),
        through: version("1.9"),
    };
    rules.stones.push(stone);
    let plan = run(&catalogue, &rules, &at(0));
    assert_eq!(through(&plan), ["1.9", "2.0", "2.1"]);
    assert_eq!(told(&plan)[1], "by way of 1.9, because of rule data");
    // Above it there is no need.
    assert_eq!(through(&run(&catalogue, &rules, &at(4))), ["2.1"]);
    // Nobody knows where this one is.
    assert_eq!(through(&run(&catalogue, &rules, &device())), ["1.9", "2.0", "2.1"]);
    let said = Device { version: Some(version("2.0")), ..device() };
    assert_eq!(through(&run(&catalogue, &rules, &said)), ["2.1"]);
    // A stone that is blocked leaves no way.
    let blocked = Blocked {
        id: name("bad"),
        condition: Condition::always(),
        version: version("1.9"),
        why: String::new(),
    };
    rules.blocked.push(blocked);
    let plan = run(&catalogue, &rules, &at(0));
    assert_eq!(plan.answer, Answer::Nothing);
    assert_eq!(told(&plan)[1], "not offered: no permitted way leads to release 2.1");
}

#[test]
fn links_carry_what_they_carry() {
    let catalogue = catalogue(&["1.0", "1.1", "1.2"], &["app"]);
    let mut rules = rules("1.2");
    let link = |max_bytes, step_bytes| LinkClass { name: name("nb-iot"), max_bytes, step_bytes };
    rules.links.push(link(Some(250), 60));
    let device = Device { link: Some(name("nb-iot")), ..at(0) };
    // A further step counts 60: the direct one is cheaper.
    assert_eq!(through(&run(&catalogue, &rules, &device)), ["1.2"]);
    rules.links[0].max_bytes = Some(200);
    assert_eq!(through(&run(&catalogue, &rules, &device)), ["1.1", "1.2"]);
    rules.links[0].max_bytes = Some(99);
    let plan = run(&catalogue, &rules, &device);
    assert_eq!(plan.answer, Answer::Nothing);
    assert_eq!(
        told(&plan)[1],
        "not offered: the link nb-iot carries 99 bytes in one step, and the cheapest way has a \
         step of 250"
    );
    assert_eq!(through(&run(&catalogue, &rules, &at(0))), ["1.1", "1.2"]);
}

#[test]
fn nobody_goes_back_who_may_not() {
    let catalogue = catalogue(&["1.0", "1.1", "1.2"], &["app"]);
    let mut rules = rules("1.0");
    let plan = run(&catalogue, &rules, &at(2));
    assert_eq!(plan.answer, Answer::Nothing);
    assert_eq!(
        told(&plan)[1],
        "not offered: the device runs 1.2, and rule all does not take it back to 1.0"
    );
    rules.assignments[0].rollback = true;
    let plan = run(&catalogue, &rules, &at(2));
    assert_eq!((through(&plan), update(&plan).bytes), (vec!["1.0"], 250));
    let further = Device { security_counter: 1, ..at(2) };
    let plan = run(&catalogue, &rules, &further);
    assert_eq!(
        told(&plan)[1],
        "not offered: release 1.0 has the security counter 0, and the device takes 1 or more"
    );
}

#[test]
fn ways_keep_to_hardware_and_counters() {
    let mut catalogue = catalogue(&["1.0", "1.2"], &["app"]);
    let app = |number: u8| {
        flashdelta_fleet::catalogue::Component::new(name("app"), image(number, SIZE).sha256)
    };
    catalogue.add_image(image(9, SIZE)).unwrap();
    let release = Release::new(name("heron"), version("1.1")).component(app(9));
    let hardware = Some(HardwareRange { first: 2, last: 3 });
    let other = Release { hardware, ..release.clone() };
    let mut table = Table::default();
    table.deltas.extend([((0, 1), 500), ((0, 9), 10), ((9, 1), 10)]);
    let rules = rules("1.2");
    let steps = |catalogue: &Catalogue, hardware| {
        let device = Device { hardware, ..at(0) };
        let plan = plan(catalogue, &rules, &device, NOON, &table).unwrap();
        update(&plan).steps.len()
    };
    let mut with = catalogue.clone();
    with.add_release(other).unwrap();
    assert_eq!((steps(&with, 1), steps(&with, 2)), (1, 2));
    // A device that has been at the counter 5 does not go on to 0.
    let counted = Release { security_counter: 5, ..release };
    catalogue.add_release(counted).unwrap();
    assert_eq!(steps(&catalogue, 2), 1);
}

#[test]
fn components_go_together() {
    let catalogue = catalogue(&["1.0", "1.1"], &["app", "radio"]);
    let digest = |number| image(number, SIZE).memory.sha256;
    let with = |app, radio| {
        let running = [(name("app"), digest(app)), (name("radio"), digest(radio))];
        Device { running: Running::Components(running.into()), ..device() }
    };
    let rules = rules("1.1");
    let plan = run(&catalogue, &rules, &with(0, 1));
    let [step] = &*update(&plan).steps else { panic!("{plan:?}") };
    assert_eq!(step.parts.iter().map(|part| part.bytes).collect::<Vec<_>>(), [250, 250]);
    assert_eq!(step.from, Some(version("1.0")));
    // Half of it is done already; the device is at no release.
    let plan = run(&catalogue, &rules, &with(2, 1));
    let [step] = &*update(&plan).steps else { panic!("{plan:?}") };
    assert!(matches!(step.parts[0].transfer, Transfer::Keep { .. }) && step.bytes == 250);
    assert_eq!(step.from, None);
    // One of them is unknown.
    let plan = run(&catalogue, &rules, &with(0, 77));
    assert_eq!(told(&plan)[0], "no release has the image that the device says it holds for radio");
    assert_eq!(update(&plan).bytes, 850);
    assert_eq!(run(&catalogue, &rules, &with(2, 3)).answer, Answer::UpToDate);
    // A single digest does not say which component it is of.
    assert_eq!(update(&run(&catalogue, &rules, &at(0))).bytes, 1200);
}

#[test]
fn plans_are_json() {
    let catalogue = catalogue(&["1.0", "1.1"], &["app"]);
    let json = serde_json::to_value(run(&catalogue, &rules("1.1"), &at(0))).unwrap();
    assert_eq!((&json["answer"], &json["kind"]), (&"update".into(), &"delta".into()));
    assert_eq!(json["steps"][0]["parts"][0]["transfer"], "delta");
    assert_eq!(json["reasons"][0]["reason"], "assigned");
    let json = serde_json::to_value(run(&catalogue, &rules("1.1"), &at(1))).unwrap();
    assert_eq!(json["answer"], "up-to-date");
}

#[test]
fn devices_that_cannot_be_are_refused() {
    let catalogue = catalogue(&["1.0"], &["app"]);
    let refused = |device: &Device, rules: &Rules| {
        plan(&catalogue, rules, device, 0, &Estimate).unwrap_err().code()
    };
    let right = rules("1.0");
    assert_eq!(refused(&Device { id: String::new(), ..device() }, &right), "bad-entry");
    assert_eq!(refused(&Device { product: name("stork"), ..device() }, &right), "unknown-product");
    assert_eq!(refused(&device(), &Rules::new(name("stork"))), "other-product");
}
