//! How many devices roll-outs are for, and how many of them hold the release already.

use std::collections::BTreeMap;

use flashdelta_fleet::planner::held_releases;
use flashdelta_fleet::rules::{Facts, Share};
use flashdelta_fleet::Name;
use serde::Serialize;

use super::ProductState;
use crate::database::Tenant;
use crate::Error;

/// Devices of a roll-out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Reach {
    /// For which its condition holds.
    pub(crate) devices: u64,
    /// To which its share has come.
    pub(crate) reached: u64,
    /// Which hold its release.
    pub(crate) updated: u64,
}

/// The devices of a product, by its roll-outs.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) by_rule: BTreeMap<Name, Reach>,
    /// False: there are more devices than were counted.
    pub(crate) is_complete: bool,
}

/// The most devices that are counted: of more the first ones tell enough.
pub(crate) const MOST_COUNTED: usize = 20_000;

/// Devices that are read at once.
const AT_ONCE: u32 = 1000;

impl Tenant {
    /// Counts the devices of a product's roll-outs.
    pub(crate) async fn reach(
        &self,
        product: &Name,
        state: &ProductState,
    ) -> Result<Reached, Error> {
        let rules = state.rules.assignments.iter();
        let mut by_rule: BTreeMap<_, _> =
            rules.map(|rule| (rule.id.clone(), Reach::default())).collect();
        if by_rule.is_empty() {
            return Ok(Reached { by_rule, is_complete: true });
        }
        let (mut after, mut counted) = (String::new(), 0);
        loop {
            let devices = self.devices(product, "", &after, AT_ONCE).await?;
            let Some(last) = devices.last() else {
                return Ok(Reached { by_rule, is_complete: true });
            };
            if counted >= MOST_COUNTED {
                return Ok(Reached { by_rule, is_complete: false });
            }
            counted += devices.len();
            after.clone_from(&last.id);
            for device in devices.iter().filter_map(|stored| stored.device.as_ref()) {
                let held = held_releases(&state.catalogue, device);
                let version = held.last().map(|release| &release.version);
                let facts = Facts::of(device, version.or(device.version.as_ref()));
                for rule in &state.rules.assignments {
                    let Some(reach) = by_rule.get_mut(&rule.id) else { continue };
                    if rule.condition.holds(&facts) != Ok(true) {
                        continue;
                    }
                    reach.devices += 1;
                    if rule.share.has(Share::place(&rule.id, &device.id)) {
                        reach.reached += 1;
                    }
                    if held.iter().any(|release| release.version == rule.release) {
                        reach.updated += 1;
                    }
                }
            }
            tokio::task::yield_now().await;
        }
    }
}
