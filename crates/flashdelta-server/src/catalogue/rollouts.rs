//! Roll-outs: how a release comes to devices by a rule, and how far it has come.

use flashdelta_fleet::rules::{Assignment, Condition, Rules, Share};
use flashdelta_fleet::{Name, Version};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use super::products::json;
use super::state::catalogue;
use crate::database::{column, scoped, Tenant};
use crate::Error;

/// A roll-out: an assignment of the rules, or what is left of one that has ended.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rollout {
    pub(crate) rule: String,
    pub(crate) release: String,
    pub(crate) state: RolloutState,
    /// Which devices it is for, and how; not of one that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assignment: Option<Assignment>,
    /// Actions that were offered.
    pub(crate) offered: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    /// When it stopped by itself, in milliseconds since 1970; 0: it did not.
    pub(crate) stopped_at: i64,
}

/// Where a roll-out is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RolloutState {
    Running,
    /// Somebody paused it.
    Paused,
    /// Too many devices failed.
    Stopped,
    /// It was aborted, or the rule has another release by now.
    Ended,
}

/// What is to be changed of a roll-out; what is not said stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RolloutChange {
    pub(crate) release: Option<Version>,
    pub(crate) condition: Option<Condition>,
    pub(crate) share: Option<Share>,
    pub(crate) rollback: Option<bool>,
    pub(crate) paused: Option<bool>,
}

impl RolloutState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Ended => "ended",
        }
    }

    fn of(assignment: Option<&Assignment>, stopped_at: i64) -> Self {
        match assignment {
            None => Self::Ended,
            Some(assignment) if !assignment.paused => Self::Running,
            Some(_) if stopped_at > 0 => Self::Stopped,
            Some(_) => Self::Paused,
        }
    }
}

impl Rollout {
    fn of_row(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            rule: column(row, 0)?,
            release: column(row, 1)?,
            state: RolloutState::Ended,
            assignment: None,
            offered: column(row, 2)?,
            succeeded: column(row, 3)?,
            failed: column(row, 4)?,
            stopped_at: column(row, 5)?,
        })
    }

    fn new(assignment: Assignment) -> Self {
        Self {
            rule: assignment.id.to_string(),
            release: assignment.release.to_string(),
            state: RolloutState::of(Some(&assignment), 0),
            assignment: Some(assignment),
            offered: 0,
            succeeded: 0,
            failed: 0,
            stopped_at: 0,
        }
    }

    fn is_of(&self, assignment: &Assignment) -> bool {
        self.rule == *assignment.id && self.release == assignment.release.as_str()
    }
}

impl Tenant {
    /// The roll-outs of a product: those of its rules in their order, then those that have ended.
    pub(crate) async fn rollouts(&self, product: &Name) -> Result<Vec<Rollout>, Error> {
        let rules = self.rules(product).await?;
        let rows = self.sql(scoped!(
            "SELECT rule, release, offered, succeeded, failed, stopped_at FROM rollouts \
             WHERE tenant = $1 AND product = $2 ORDER BY rule, release"
        ));
        let rows = rows.bind(product.to_string()).all(self).await?;
        let counted: Result<Vec<_>, _> = rows.iter().map(Rollout::of_row).collect();
        let mut counted = counted?;
        let mut all = Vec::new();
        for assignment in rules.assignments {
            let found = counted.iter().position(|counted| counted.is_of(&assignment));
            all.push(match found.map(|at| counted.remove(at)) {
                Some(found) => Rollout {
                    state: RolloutState::of(Some(&assignment), found.stopped_at),
                    assignment: Some(assignment),
                    ..found
                },
                None => Rollout::new(assignment),
            });
        }
        all.append(&mut counted);
        Ok(all)
    }

    /// A roll-out that has not ended.
    pub(crate) async fn rollout(&self, product: &Name, rule: &str) -> Result<Rollout, Error> {
        let all = self.rollouts(product).await?;
        let mut of_rules = all.into_iter().filter(|rollout| rollout.assignment.is_some());
        of_rules.find(|rollout| rollout.rule == rule).ok_or_else(|| no_rollout(rule))
    }

    /// Begins a roll-out, before all others of the product: the first one counts for a device.
    pub(crate) async fn add_rollout(
        &self,
        who: &str,
        product: &Name,
        assignment: Assignment,
    ) -> Result<Rollout, Error> {
        let rule = assignment.id.clone();
        let detail = json(&assignment)?;
        self.edit_rules(who, product, ("roll-out", &detail), |rules| {
            rules.assignments.insert(0, assignment);
            Ok(())
        })
        .await?;
        self.rollout(product, &rule).await
    }

    /// Changes a roll-out. One that had stopped by itself counts anew when it goes on.
    pub(crate) async fn change_rollout(
        &self,
        who: &str,
        product: &Name,
        rule: &str,
        change: RolloutChange,
    ) -> Result<Rollout, Error> {
        let what = match &change {
            RolloutChange { paused: Some(true), .. } => "roll-out paused",
            RolloutChange { paused: Some(false), .. } => "roll-out resumed",
            _ => "roll-out changed",
        };
        self.edit_rules(who, product, (what, rule), |rules| {
            let assignment = find(rules, rule)?;
            let RolloutChange { release, condition, share, rollback, paused } = change;
            assignment.release = release.unwrap_or_else(|| assignment.release.clone());
            assignment.condition = condition.unwrap_or_else(|| assignment.condition.clone());
            assignment.share = share.unwrap_or(assignment.share);
            assignment.rollback = rollback.unwrap_or(assignment.rollback);
            assignment.paused = paused.unwrap_or(assignment.paused);
            Ok(())
        })
        .await?;
        self.rollout(product, rule).await
    }

    /// Ends a roll-out: what devices have not begun is taken back when they ask, and the next rule
    /// counts for them.
    pub(crate) async fn abort_rollout(
        &self,
        who: &str,
        product: &Name,
        rule: &str,
    ) -> Result<(), Error> {
        self.edit_rules(who, product, ("roll-out aborted", rule), |rules| {
            find(rules, rule)?;
            rules.assignments.retain(|assignment| *assignment.id != *rule);
            Ok(())
        })
        .await
    }

    /// Changes the rules of a product while nobody else does.
    async fn edit_rules(
        &self,
        who: &str,
        product: &Name,
        (what, detail): (&'static str, &str),
        edit: impl FnOnce(&mut Rules) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let catalogue = catalogue(self, product).await?;
        let mut transaction = self.begin().await?;
        let mut rules = transaction.rules_to_change(product).await?;
        edit(&mut rules)?;
        rules.check(&catalogue)?;
        transaction.set_rules(product, &rules).await?;
        transaction.count_anew(product, &rules).await?;
        transaction.note(who, what, product, detail).await?;
        transaction.commit().await
    }
}

fn find<'r>(rules: &'r mut Rules, rule: &str) -> Result<&'r mut Assignment, Error> {
    let mut all = rules.assignments.iter_mut();
    all.find(|assignment| *assignment.id == *rule).ok_or_else(|| no_rollout(rule))
}

fn no_rollout(rule: &str) -> Error {
    Error::NotFound { what: format!("roll-out {rule}") }
}
