//! The plan for a device.

use super::held::Held;
use super::step::{step, Start};
use super::target::ForDevice;
use super::{Answer, Costs, Plan, PlanError, Reason, Step, Transfer, Update, UpdateKind};
use crate::catalogue::{Catalogue, Device, Release};
use crate::rules::{Assignment, LinkClass, Rules};
use crate::way::cheapest;

/// The most releases on ways to a target that are looked at, besides stepping stones: those with
/// the highest versions.
const MOST_ON_THE_WAY: usize = 64;

/// What a device gets next, and why. `now`: seconds since 1970 (UTC).
///
/// The first assignment counts that is for the device, whose share has come to it, and whose
/// release is for its hardware and not blocked. To its release leads the way that costs the fewest
/// bytes: steps between releases of ascending versions, each of them for its hardware and not
/// blocked, past no stepping stone, none larger than the link carries. In a step each component is
/// sent as delta, whole image or file, whichever is smallest. Back to an earlier version leads one
/// step.
///
/// # Errors
///
/// [`PlanError`], if the device or its product cannot be. That it gets nothing is no error.
pub fn plan(
    catalogue: &Catalogue,
    rules: &Rules,
    device: &Device,
    now: i64,
    costs: &dyn Costs,
) -> Result<Plan, PlanError> {
    device.check()?;
    catalogue.product(&device.product)?;
    if rules.product != device.product {
        let (device, rules) = (device.product.clone(), rules.product.clone());
        return Err(PlanError::OtherProduct { device, rules });
    }
    let mut reasons = Vec::new();
    let answer = answer(catalogue, rules, device, (now, costs), &mut reasons);
    Ok(Plan { answer, reasons })
}

fn answer(
    catalogue: &Catalogue,
    rules: &Rules,
    device: &Device,
    (now, costs): (i64, &dyn Costs),
    reasons: &mut Vec<Reason>,
) -> Answer {
    let held = Held::of(catalogue, device, reasons);
    let for_device = ForDevice::of(rules, device, &held, reasons);
    let Some((rule, target)) = for_device.assignment(catalogue, device, reasons) else {
        return Answer::Nothing;
    };
    if held.releases.iter().any(|release| release.version == target.version) {
        reasons.push(Reason::UpToDate { release: target.version.clone() });
        return Answer::UpToDate;
    }
    if let Some(reason) = refusal(device, &held, rule, target) {
        reasons.push(reason);
        return Answer::Nothing;
    }
    if let Some(reason) = for_device.closed_window(now, reasons) {
        reasons.push(reason);
        return Answer::Nothing;
    }
    if !device.applier.reads_patches() {
        reasons.push(Reason::NoApplier);
    }
    let link = rules.link(device.link.as_ref());
    let search = Search { catalogue, device, held: &held, for_device: &for_device, costs };
    match search.run(target, link, reasons) {
        Some(update) => Answer::Update(update),
        None => Answer::Nothing,
    }
}

/// Why a device does not take a release.
fn refusal(
    device: &Device,
    held: &Held<'_>,
    rule: &Assignment,
    target: &Release,
) -> Option<Reason> {
    let release = target.version.clone();
    if let Some(running) = held.version.filter(|running| **running > release && !rule.rollback) {
        let (rule, running) = (rule.id.clone(), running.clone());
        return Some(Reason::Later { rule, running, release });
    }
    let lowest = device.security_counter;
    let is_refused = target.security_counter < lowest;
    is_refused.then_some(Reason::SecurityCounter {
        release,
        counter: target.security_counter,
        device: lowest,
    })
}

/// What a way is searched with.
struct Search<'a> {
    catalogue: &'a Catalogue,
    device: &'a Device,
    held: &'a Held<'a>,
    for_device: &'a ForDevice<'a>,
    costs: &'a dyn Costs,
}

impl<'a> Search<'a> {
    fn run(
        &self,
        target: &'a Release,
        link: Option<&LinkClass>,
        reasons: &mut Vec<Reason>,
    ) -> Option<Update> {
        let nodes = self.nodes(target);
        let step_bytes = link.map_or(0, |link| link.step_bytes);
        let limit = link.and_then(|link| link.max_bytes);
        let find = |limit: Option<u64>| {
            cheapest(nodes.len(), |from, to| {
                let step = self.step(&nodes, from, to)?;
                let fits = limit.is_none_or(|limit| step.bytes <= limit);
                fits.then(|| step.bytes.saturating_add(step_bytes))
            })
        };
        let Some(way) = find(limit) else {
            // Without the limit there may be one: then it is the limit.
            let without = find(None).map(|way| self.steps(&nodes, &way.nodes));
            let largest = |steps: &Vec<Step>| steps.iter().map(|step| step.bytes).max();
            let needed = without.as_ref().and_then(largest);
            reasons.push(match (link.zip(limit), needed) {
                (Some((link, limit)), Some(needed)) => {
                    Reason::LinkLimit { link: link.name.clone(), limit, needed }
                }
                _ => self.why_not(target),
            });
            return None;
        };
        let steps = self.steps(&nodes, &way.nodes);
        self.explain(&steps, target, reasons);
        let bytes = steps.iter().fold(0u64, |sum, step| sum.saturating_add(step.bytes));
        let has_delta = |step: &Step| {
            step.parts.iter().any(|part| matches!(part.transfer, Transfer::Delta { .. }))
        };
        let kind = match &*steps {
            [step] if has_delta(step) => UpdateKind::Delta,
            [_] => UpdateKind::Whole,
            _ => UpdateKind::Chain,
        };
        Some(Update { release: target.version.clone(), kind, steps, bytes })
    }

    /// The releases that a way may lead through, and the target, in the order of versions.
    fn nodes(&self, target: &'a Release) -> Vec<&'a Release> {
        let running = self.held.version;
        let is_on_the_way = |release: &&Release| {
            let version = &release.version;
            *version < target.version
                && running.is_none_or(|running| running < version)
                && release.is_for(self.device.hardware)
                && self.for_device.blocked(version).is_none()
        };
        let found: Vec<&Release> =
            self.catalogue.releases(&self.device.product).filter(is_on_the_way).collect();
        let left_out = found.len().saturating_sub(MOST_ON_THE_WAY);
        let is_stone = |release: &Release| {
            self.for_device.stones.iter().any(|stone| stone.through == release.version)
        };
        let nodes = found.into_iter().enumerate();
        let nodes = nodes.filter(|(at, release)| *at >= left_out || is_stone(release));
        nodes.map(|(_, release)| release).chain([target]).collect()
    }

    /// A step, if it is permitted and possible.
    fn step(&self, nodes: &[&'a Release], from: Option<usize>, to: usize) -> Option<Step> {
        let to = *nodes.get(to)?;
        let (start, version, counter) = match from {
            None => (Start::Held(self.held), self.held.version, self.device.security_counter),
            Some(from) => {
                let from = *nodes.get(from)?;
                let counter = from.security_counter.max(self.device.security_counter);
                (Start::Release(from), Some(&from.version), counter)
            }
        };
        let stones = &self.for_device.stones;
        let passes = stones.iter().any(|stone| stone.forbids(version, &to.version));
        if passes || to.security_counter < counter {
            return None;
        }
        step(self.catalogue, start, to, &self.device.applier, self.costs).ok()
    }

    fn steps(&self, nodes: &[&'a Release], way: &[usize]) -> Vec<Step> {
        let starts = [None].into_iter().chain(way.iter().map(|node| Some(*node)));
        starts.zip(way).filter_map(|(from, to)| self.step(nodes, from, *to)).collect()
    }

    /// Why there is no way.
    fn why_not(&self, target: &Release) -> Reason {
        let start = Start::Held(self.held);
        let direct = step(self.catalogue, start, target, &self.device.applier, self.costs);
        direct.err().unwrap_or_else(|| Reason::NoWay { release: target.version.clone() })
    }

    /// Why a way is not the direct one, and why a file is sent as it is.
    fn explain(&self, steps: &[Step], target: &Release, reasons: &mut Vec<Reason>) {
        if self.device.applier.reads_patches() {
            reasons.extend(
                steps
                    .iter()
                    .flat_map(|step| step.parts.iter().map(move |part| (step, part)))
                    .filter_map(|(step, part)| {
                        let Transfer::File { new } = part.transfer else { return None };
                        let image = self.catalogue.image(&new).ok()?;
                        let is_possible = self.costs.whole(image, &self.device.applier).is_some();
                        let (component, release) = (part.component.clone(), step.to.clone());
                        (!is_possible).then_some(Reason::TooSmall { component, release })
                    }),
            );
        }
        if steps.len() < 2 {
            return;
        }
        let stones = self.for_device.stones.iter();
        let mut on_the_way = stones
            .filter(|stone| stone.forbids(self.held.version, &target.version))
            .filter(|stone| steps.iter().any(|step| step.to == stone.through))
            .map(|stone| {
                let (rule, through) = (stone.id.clone(), stone.through.clone());
                Reason::SteppingStone { rule, through }
            })
            .peekable();
        if on_the_way.peek().is_some() {
            reasons.extend(on_the_way);
            return;
        }
        let start = Start::Held(self.held);
        let direct = step(self.catalogue, start, target, &self.device.applier, self.costs);
        let bytes = steps.iter().fold(0u64, |sum, step| sum.saturating_add(step.bytes));
        reasons.push(match direct {
            Ok(direct) => Reason::Cheaper { bytes, direct: direct.bytes },
            Err(reason) => reason,
        });
    }
}
