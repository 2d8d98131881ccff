//! The nodes as the coordinator knows them.

use core::time::Duration;

use super::decision::{Decision, Round, Stage};
use super::message::Report;
use super::target::{Facts, Refusal, Target};

/// A node as the [`Coordinator`](super::Coordinator) knows it: memory that is lent to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NodeEntry {
    pub(super) address: u32,
    /// What it has reported last in this epoch.
    pub(super) report: Option<Report>,
    /// The message that this answered, and which report it was.
    pub(super) order: (u32, u16),
    pub(super) heard: Option<Duration>,
    /// It has answered in this round.
    pub(super) answered: bool,
    /// It has told that it is not part of this campaign.
    pub(super) elsewhere: bool,
    /// It has asked for the outcome.
    pub(super) asks: bool,
}

impl NodeEntry {
    /// A node with this address, which means something to the transport only.
    pub fn new(address: u32) -> Self {
        Self { address, ..Self::default() }
    }

    /// Its address.
    pub fn address(&self) -> u32 {
        self.address
    }

    /// When it was heard last; `None`: never.
    pub fn heard(&self) -> Option<Duration> {
        self.heard
    }

    /// What it is, as it has said.
    pub fn facts(&self) -> Option<&Facts> {
        self.report.as_ref().map(|report| &report.facts)
    }

    /// How far it has come, when it was heard last.
    pub fn state(&self, target: &Target) -> NodeState {
        let Some(report) = &self.report else {
            return if self.elsewhere { NodeState::Elsewhere } else { NodeState::Unheard };
        };
        let runs_new = report.facts.running == target.new_id();
        match (report.stage, report.known) {
            (Stage::Healthy, Some(Decision::Keep)) => NodeState::Kept,
            (_, Some(Decision::Abort)) => NodeState::Aborted,
            (_, Some(Decision::Revert)) if !runs_new => NodeState::Reverted,
            (_, Some(Decision::Revert)) => NodeState::Reverting,
            (Stage::Idle, _) => NodeState::Idle,
            (Stage::Preparing, _) => NodeState::Preparing,
            (Stage::Receiving, _) => NodeState::Receiving,
            (Stage::Verified, _) if self.accepted(Round::Start).is_some() => NodeState::Agreed,
            (Stage::Verified, _) => NodeState::Verified,
            (Stage::Withdrawn, _) => NodeState::Withdrawn,
            (Stage::Refused(refusal), _) => NodeState::Refused(refusal),
            (Stage::Activating, _) if runs_new => NodeState::Trial,
            (Stage::Activating, _) => NodeState::Activating,
            (Stage::Healthy, _) => NodeState::Healthy,
            (Stage::Failed, _) => NodeState::Failed,
        }
    }

    pub(super) fn accepted(&self, round: Round) -> Option<super::decision::Accepted> {
        self.report.as_ref().and_then(|report| report.ballots.of(round))
    }

    pub(super) fn stage(&self) -> Option<Stage> {
        self.report.as_ref().map(|report| report.stage)
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self.stage(), Some(Stage::Refused(_)))
    }

    /// Whether it does what has been decided, as far as it ever will.
    pub(super) fn is_settled(&self, decision: Decision, target: &Target) -> bool {
        let Some(report) = &self.report else {
            // It runs what it ran, and has never heard of the campaign.
            return self.elsewhere && matches!(decision, Decision::Abort | Decision::Revert);
        };
        let runs_new = report.facts.running == target.new_id();
        match decision {
            _ if report.known != Some(decision) => false,
            Decision::Abort => true,
            Decision::Revert => !runs_new,
            Decision::Commit | Decision::Keep => {
                matches!(report.stage, Stage::Healthy | Stage::Failed | Stage::Refused(_))
            }
        }
    }
}

/// How far a node has come.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NodeState {
    /// It has not been heard of by this coordinator.
    Unheard,
    /// It has been heard of, but has not entered this campaign.
    Elsewhere,
    /// It has said what it is.
    Idle,
    /// It does not take part.
    Refused(Refusal),
    /// It gets into a safe state.
    Preparing,
    /// It receives and applies the patch.
    Receiving,
    /// It has the new image, and its digest is right.
    Verified,
    /// It has the new image, and has accepted a decision about its start.
    Agreed,
    /// It has taken back what was prepared.
    Withdrawn,
    /// It is about to start the new image.
    Activating,
    /// It runs the new image on trial.
    Trial,
    /// The new image is healthy.
    Healthy,
    /// The new image was not healthy as often as it was tried. The old one runs.
    Failed,
    /// The group has kept the new image, which runs here and is healthy. Final.
    Kept,
    /// The group has aborted, before the new image was started. Final.
    Aborted,
    /// The group goes back to the old image; the new one still runs here.
    Reverting,
    /// The group has gone back to the old image, which runs here. Final.
    Reverted,
}
