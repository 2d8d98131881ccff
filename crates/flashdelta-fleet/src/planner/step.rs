//! One step from one release to another.

use super::held::Held;
use super::{Cost, Costs, Part, Reason, Step, Transfer};
use crate::catalogue::{Applier, Catalogue, Component, Image, Release};
use crate::Digest;

/// Where a step starts.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// At what the device holds.
    Held(&'a Held<'a>),
    /// At a release.
    Release(&'a Release),
}

impl<'a> Start<'a> {
    fn image(self, catalogue: &'a Catalogue, component: &Component) -> Option<&'a Image> {
        match self {
            Self::Held(held) => held.image(&component.name),
            Self::Release(release) => {
                let found = release.components.iter().find(|other| other.name == component.name);
                catalogue.image_of(found?)
            }
        }
    }
}

/// The cheapest step to a release; or which component has none.
pub(super) fn step(
    catalogue: &Catalogue,
    start: Start<'_>,
    to: &Release,
    applier: &Applier,
    costs: &dyn Costs,
) -> Result<Step, Reason> {
    let mut parts = Vec::new();
    let (mut bytes, mut is_exact) = (0u64, true);
    for component in &to.components {
        let old = start.image(catalogue, component);
        let found = catalogue
            .image_of(component)
            .and_then(|new| part(old, new, (applier, to.takes_files(applier)), costs));
        let Some((transfer, cost)) = found else {
            let (component, release) = (component.name.clone(), to.version.clone());
            return Err(Reason::TooSmall { component, release });
        };
        bytes = bytes.saturating_add(cost.bytes);
        is_exact &= cost.is_exact;
        parts.push(Part { component: component.name.clone(), transfer, bytes: cost.bytes });
    }
    let from = match start {
        Start::Held(held) => held.releases.last().map(|release| release.version.clone()),
        Start::Release(release) => Some(release.version.clone()),
    };
    Ok(Step { from, to: to.version.clone(), parts, bytes, is_exact })
}

/// The cheapest way to an image: of equal ones the first of delta, whole image, file.
fn part(
    old: Option<&Image>,
    new: &Image,
    (applier, takes_files): (&Applier, bool),
    costs: &dyn Costs,
) -> Option<(Transfer, Cost)> {
    let image: Digest = new.sha256;
    if old.is_some_and(|old| old.memory == new.memory) {
        return Some((Transfer::Keep { image }, Cost { bytes: 0, is_exact: true }));
    }
    let mut ways = Vec::new();
    if applier.reads_patches() {
        let delta = old.and_then(|old| {
            let transfer = Transfer::Delta { old: old.sha256, new: image };
            Some((transfer, costs.delta(old, new, applier)?))
        });
        ways.extend(delta);
        let whole = costs.whole(new, applier);
        ways.extend(whole.map(|cost| (Transfer::Whole { new: image }, cost)));
    }
    if takes_files {
        let cost = Cost { bytes: new.size, is_exact: true };
        ways.push((Transfer::File { new: image }, cost));
    }
    ways.into_iter().min_by_key(|(_, cost)| cost.bytes)
}
