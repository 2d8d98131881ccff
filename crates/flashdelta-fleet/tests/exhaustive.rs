//! Plans equal an exhaustive search, written from the rules alone.

mod common;

use common::{catalogue, device, image, name, version, Table, SIZE};
use flashdelta_fleet::catalogue::{Applier, Catalogue, Device, Release, Running};
use flashdelta_fleet::planner::{plan, Answer};
use flashdelta_fleet::rules::{Assignment, Blocked, Condition, LinkClass, Rules, SteppingStone};
use proptest::prelude::*;

const VERSIONS: [&str; 6] = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"];

/// Everything that a plan depends on, by the numbers of versions.
#[derive(Clone, Debug)]
struct Case {
    /// For each version: is there such a release, which counter, from which hardware revision on.
    releases: Vec<(bool, u32, u16)>,
    costs: Table,
    /// What the device holds: a version, or an image that is of none.
    held: Option<usize>,
    target: usize,
    rollback: bool,
    counter: u32,
    hardware: u16,
    stones: Vec<(usize, usize)>,
    blocked: Vec<usize>,
    limit: Option<u64>,
    step_bytes: u64,
    reads_patches: bool,
    takes_files: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let releases = prop::collection::vec((prop::bool::weighted(0.85), 0u32..2, 0u16..2), 6);
    let some = || prop::option::weighted(0.8, 1u64..40);
    let costs = (prop::collection::vec(some(), 36), prop::collection::vec(some(), 6));
    let held = prop::option::weighted(0.8, 0usize..6);
    let of_device = (held, 0usize..6, any::<bool>(), 0u32..2, 0u16..2);
    let stones = prop::collection::vec((0usize..6, 0usize..6), 0..3);
    let blocked = prop::collection::vec(0usize..6, 0..2);
    let link = (prop::option::weighted(0.4, 5u64..60), 0u64..10);
    let applier = (prop::bool::weighted(0.9), prop::bool::weighted(0.3));
    (releases, costs, of_device, stones, blocked, link, applier).prop_map(
        |(releases, (deltas, wholes), of_device, stones, blocked, link, applier)| {
            let mut costs = Table::default();
            for (at, bytes) in deltas.iter().enumerate() {
                costs.deltas.extend(bytes.map(|bytes| (((at / 6) as u8, (at % 6) as u8), bytes)));
            }
            for (at, bytes) in wholes.iter().enumerate() {
                costs.wholes.extend(bytes.map(|bytes| (at as u8, bytes)));
            }
            let (held, target, rollback, counter, hardware) = of_device;
            let mut case = Case {
                releases,
                costs,
                held,
                target,
                rollback,
                counter,
                hardware,
                stones,
                blocked,
                limit: link.0,
                step_bytes: link.1,
                reads_patches: applier.0,
                takes_files: applier.1,
            };
            // What is named is there.
            let named =
                case.held.into_iter().chain([case.target]).chain(case.stones.iter().map(|s| s.1));
            for at in named.collect::<Vec<_>>() {
                case.releases[at].0 = true;
            }
            case
        },
    )
}

/// Where files are sent as they are, they have this many bytes.
const FILE: u64 = SIZE as u64;

impl Case {
    fn bytes(&self, from: Option<usize>, to: usize) -> Option<u64> {
        let mut all = Vec::new();
        if self.reads_patches {
            let delta = from.and_then(|from| self.costs.deltas.get(&(from as u8, to as u8)));
            all.extend(delta.copied());
            all.extend(self.costs.wholes.get(&(to as u8)).copied());
        }
        all.extend(self.takes_files.then_some(FILE));
        all.into_iter().min()
    }

    /// The versions of all ways that the rules permit, with their bytes.
    fn ways(&self) -> Vec<(u64, Vec<usize>)> {
        let between: Vec<usize> = (0..6)
            .filter(|at| self.releases[*at].0 && *at < self.target)
            .filter(|at| self.held.is_none_or(|held| *at > held))
            .collect();
        let mut ways = Vec::new();
        for chosen in 0..1u32 << between.len() {
            let mut way: Vec<usize> = (0..between.len())
                .filter(|bit| chosen >> bit & 1 == 1)
                .map(|bit| between[bit])
                .collect();
            way.push(self.target);
            if let Some(cost) = self.cost(&way) {
                ways.push((cost, way));
            }
        }
        ways
    }

    fn cost(&self, way: &[usize]) -> Option<u64> {
        let (mut at, mut counter, mut sum) = (self.held, self.counter, 0);
        for to in way {
            let (_, its_counter, its_hardware) = self.releases[*to];
            let bytes = self.bytes(at, *to)?;
            let passes = self.stones.iter().any(|(below, stone)| {
                at.is_none_or(|at| at < *below) && to >= below && at != Some(*stone) && to != stone
            });
            if passes
                || self.blocked.contains(to)
                || self.hardware < its_hardware
                || its_counter < counter
                || self.limit.is_some_and(|limit| bytes > limit)
            {
                return None;
            }
            sum += bytes + self.step_bytes;
            (at, counter) = (Some(*to), its_counter);
        }
        Some(sum)
    }

    /// What the plan has to be: nothing, up to date, or the ways that are the cheapest.
    fn expected(&self) -> Result<(u64, Vec<usize>), Answer> {
        let (_, counter, hardware) = self.releases[self.target];
        if self.blocked.contains(&self.target) || self.hardware < hardware {
            return Err(Answer::Nothing);
        }
        if self.held == Some(self.target) {
            return Err(Answer::UpToDate);
        }
        let is_back = self.held.is_some_and(|held| held > self.target);
        if is_back && !self.rollback || counter < self.counter {
            return Err(Answer::Nothing);
        }
        let ways = self.ways().into_iter().map(|(cost, way)| (cost, way.len(), way));
        ways.min().map(|(cost, _, way)| (cost, way)).ok_or(Answer::Nothing)
    }

    fn catalogue(&self) -> Catalogue {
        let all = catalogue(&VERSIONS, &["app"]);
        let mut found = catalogue(&[], &[]);
        for number in 0..6 {
            found.add_image(image(number, SIZE)).unwrap();
        }
        for (release, (is_there, counter, from)) in all.releases("heron").zip(&self.releases) {
            let hardware =
                Some(flashdelta_fleet::catalogue::HardwareRange { first: *from, last: 9 });
            let release = Release { security_counter: *counter, hardware, ..release.clone() };
            if *is_there {
                found.add_release(release).unwrap();
            }
        }
        found
    }

    fn rules(&self) -> Rules {
        let mut rules = Rules::new(name("heron"));
        let all = Assignment::new(name("all"), version(VERSIONS[self.target]));
        rules.assignments.push(Assignment { rollback: self.rollback, ..all });
        rules.stones.extend(self.stones.iter().enumerate().map(|(number, (below, stone))| {
            SteppingStone {
                id: name(&format!("stone {number}")),
                condition: Condition::always(),
                below: version(VERSIONS[*below]),
                through: version(VERSIONS[*stone]),
            }
        }));
        rules.blocked.extend(self.blocked.iter().enumerate().map(|(number, at)| Blocked {
            id: name(&format!("block {number}")),
            condition: Condition::always(),
            version: version(VERSIONS[*at]),
            why: String::new(),
        }));
        let (max_bytes, step_bytes) = (self.limit, self.step_bytes);
        rules.links.push(LinkClass { name: name("link"), max_bytes, step_bytes });
        rules
    }

    fn device(&self) -> Device {
        let formats = if self.reads_patches { vec![Applier::FORMAT] } else { vec![] };
        Device {
            running: self.held.map_or(Running::Unknown, |held| {
                Running::One(image(held as u8, SIZE).memory.sha256)
            }),
            applier: Applier {
                formats: formats.into_iter().collect(),
                takes_files: self.takes_files,
                ..Applier::default()
            },
            link: Some(name("link")),
            hardware: self.hardware,
            security_counter: self.counter,
            ..device()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn plans_equal_an_exhaustive_search(case in cases()) {
        let (catalogue, rules, device) = (case.catalogue(), case.rules(), case.device());
        rules.check(&catalogue).unwrap();
        let found = plan(&catalogue, &rules, &device, 0, &case.costs).unwrap();
        prop_assert_eq!(&plan(&catalogue, &rules, &device, 0, &case.costs).unwrap(), &found);
        prop_assert!(!found.reasons.is_empty());
        match (&found.answer, case.expected()) {
            (Answer::Update(update), Ok((cost, way))) => {
                let through: Vec<&str> = update.steps.iter().map(|step| step.to.as_str()).collect();
                let expected: Vec<&str> = way.iter().map(|at| VERSIONS[*at]).collect();
                prop_assert_eq!(through, expected);
                prop_assert_eq!(update.bytes + case.step_bytes * way.len() as u64, cost);
                for step in &update.steps {
                    let parts = step.parts.iter().map(|part| part.bytes);
                    prop_assert_eq!(step.bytes, parts.sum::<u64>());
                }
            }
            (answer, expected) => prop_assert_eq!(Err(answer.clone()), expected.map(|_| ())),
        }
    }

    /// A device that does what it is told gets to the target, and is up to date then.
    #[test]
    fn plans_come_to_an_end(case in cases()) {
        let (catalogue, rules, mut device) = (case.catalogue(), case.rules(), case.device());
        for _ in 0..7 {
            let found = plan(&catalogue, &rules, &device, 0, &case.costs).unwrap();
            let Answer::Update(update) = found.answer else { return Ok(()) };
            let step = &update.steps[0];
            let release = catalogue.release(&name("heron"), &step.to).unwrap();
            let held = catalogue.image(&release.components[0].image).unwrap();
            device.running = Running::One(held.memory.sha256);
            device.security_counter = device.security_counter.max(release.security_counter);
            if update.steps.len() == 1 {
                let found = plan(&catalogue, &rules, &device, 0, &case.costs).unwrap();
                prop_assert_eq!(found.answer, Answer::UpToDate);
            }
        }
        prop_assert!(false, "it does not end");
    }
}
