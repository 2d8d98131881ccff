//! Which release a device is to have.

use super::held::Held;
use super::Reason;
use crate::catalogue::{Catalogue, Device, Release};
use crate::rules::{
    Assignment, Blocked, Condition, Facts, Rules, Share, SteppingStone, WindowRule,
};
use crate::{Name, Version};

/// The rules of a device: those whose conditions hold.
pub(super) struct ForDevice<'a> {
    rules: &'a Rules,
    facts: Facts,
    pub(super) blocked: Vec<&'a Blocked>,
    pub(super) stones: Vec<&'a SteppingStone>,
}

impl<'a> ForDevice<'a> {
    /// Asks the conditions. A rule that restricts counts where it is not known.
    pub(super) fn of(
        rules: &'a Rules,
        device: &Device,
        held: &Held<'_>,
        reasons: &mut Vec<Reason>,
    ) -> Self {
        let facts = Facts::of(device, held.version);
        let mut counts =
            |id: &Name, condition: &Condition| restricts(&facts, id, condition, reasons);
        let blocked =
            rules.blocked.iter().filter(|rule| counts(&rule.id, &rule.condition)).collect();
        let stones = rules.stones.iter().filter(|rule| counts(&rule.id, &rule.condition)).collect();
        Self { rules, facts, blocked, stones }
    }

    /// Whether a version is blocked.
    pub(super) fn blocked(&self, version: &Version) -> Option<&'a Blocked> {
        self.blocked.iter().find(|rule| rule.version == *version).copied()
    }

    /// The rule that counts, and its release.
    pub(super) fn assignment(
        &self,
        catalogue: &'a Catalogue,
        device: &Device,
        reasons: &mut Vec<Reason>,
    ) -> Option<(&'a Assignment, &'a Release)> {
        for rule in &self.rules.assignments {
            match self.assigned(rule, catalogue, device) {
                Ok(release) => {
                    let version = release.version.clone();
                    reasons.push(Reason::Assigned { rule: rule.id.clone(), release: version });
                    return Some((rule, release));
                }
                Err(reason) => reasons.push(reason),
            }
        }
        reasons.push(Reason::NoAssignment);
        None
    }

    /// The release of a rule, if the rule is for this device.
    fn assigned(
        &self,
        assignment: &Assignment,
        catalogue: &'a Catalogue,
        device: &Device,
    ) -> Result<&'a Release, Reason> {
        let rule = assignment.id.clone();
        match assignment.condition.holds(&self.facts) {
            Ok(true) => {}
            Ok(false) => return Err(Reason::NoMatch { rule }),
            Err(error) => return Err(Reason::ConditionFailed { rule, message: error.message }),
        }
        if assignment.paused {
            return Err(Reason::Paused { rule });
        }
        let place = Share::place(&rule, &device.id);
        if !assignment.share.has(place) {
            return Err(Reason::NotInShare { rule, share: assignment.share, place });
        }
        let release = assignment.release.clone();
        let found = catalogue.release(&device.product, &release);
        let Ok(found) = found else { return Err(Reason::NoWay { release }) };
        if !found.is_for(device.hardware) {
            return Err(Reason::OtherHardware { rule, release, hardware: device.hardware });
        }
        match self.blocked(&release) {
            Some(Blocked { id, why, .. }) => {
                Err(Reason::Blocked { rule: id.clone(), release, why: why.clone() })
            }
            None => Ok(found),
        }
    }

    /// The window that opens next, if none is open and there are some.
    pub(super) fn closed_window(&self, now: i64, reasons: &mut Vec<Reason>) -> Option<Reason> {
        let mut windows: Vec<&WindowRule> = self.rules.windows.iter().collect();
        windows.retain(|rule| restricts(&self.facts, &rule.id, &rule.condition, reasons));
        if windows.iter().any(|rule| rule.window.is_open(now)) {
            return None;
        }
        let opens = |rule: &&WindowRule| (rule.window.opens_after(now), rule.id.clone());
        let next = windows.into_iter().min_by_key(|rule| opens(rule))?;
        let opens = next.window.opens_after(now);
        let clock = next.window.clock(opens, now);
        Some(Reason::OutsideWindow { rule: next.id.clone(), opens, clock })
    }
}

/// Whether a rule that restricts is for the device. If that is not known, it is.
fn restricts(facts: &Facts, id: &Name, condition: &Condition, reasons: &mut Vec<Reason>) -> bool {
    condition.holds(facts).unwrap_or_else(|error| {
        reasons.push(Reason::ConditionFailed { rule: id.clone(), message: error.message });
        true
    })
}
