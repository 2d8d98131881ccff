//! Which messages a node follows: the checks.

use core::time::Duration;

use super::decision::{Ballots, Decision, Round, Stage};
use super::error::{MessageError, NodeError};
use super::message::{Body, Message};
use super::node::Node;
use super::record::{NodeRecord, State};
use super::target::{Refusal, Target};

impl<R: NodeRecord> Node<'_, R> {
    /// Takes an authentic message.
    pub(super) fn take(
        &mut self,
        from: u32,
        message: &Message,
        now: Duration,
    ) -> Result<(), NodeError<R::Error>> {
        let is_this = message.campaign == self.state.campaign;
        if message.group != self.group || is_this && message.nodes != self.state.nodes {
            return Err(MessageError::OtherGroup.into());
        }
        match message.body {
            // It is for coordinators.
            Body::Report(_) => Ok(()),
            Body::Ask(_) => {
                if is_this {
                    self.answer_soon(from, now);
                }
                Ok(())
            }
            // Of another node: an outcome is true whoever tells it, and whenever.
            Body::Outcome(decision) if message.sequence == 0 => {
                self.check_campaign(message)?;
                let mut state = self.state;
                if !state.learn(decision) {
                    return Err(MessageError::Contradiction.into());
                }
                state.settle(&self.facts);
                self.save(state)?;
                self.report_soon(now);
                Ok(())
            }
            _ => self.follow(from, message, now),
        }
    }

    /// Takes a message of a coordinator.
    fn follow(
        &mut self,
        from: u32,
        message: &Message,
        now: Duration,
    ) -> Result<(), NodeError<R::Error>> {
        let state = match self.followed(message) {
            Ok(state) => state,
            // Nothing is said to who repeats what was said before.
            Err(MessageError::Repeated) => return Err(MessageError::Repeated.into()),
            Err(error) => {
                // A coordinator that is told what it does not know can do something about it.
                self.coordinator = Some(from);
                self.report_soon(now);
                return Err(error.into());
            }
        };
        self.save(state)?;
        self.hear(from, message.sequence, now);
        Ok(())
    }

    /// What the node becomes by a message of a coordinator.
    fn followed(&self, message: &Message) -> Result<State, MessageError> {
        let mut state = match message.body {
            Body::Survey(target) | Body::Prepare(target)
                if message.campaign > self.state.campaign && !self.state.is_unsettled() =>
            {
                // A campaign is about one image.
                if !is_campaign_of(message.campaign, &target) {
                    return Err(MessageError::OtherGroup);
                }
                State {
                    campaign: message.campaign,
                    nodes: message.nodes,
                    target,
                    ballots: Ballots::default(),
                    ..State::default()
                }
            }
            _ => {
                self.check_campaign(message)?;
                self.check_epoch(message)?;
                self.state
            }
        };
        state.promised = message.epoch;
        match message.body {
            Body::Prepare(target) => {
                let (a, b) = (&target, &state.target);
                if (a.new, a.old, a.patch) != (b.new, b.old, b.patch) {
                    return Err(MessageError::Contradiction);
                }
                let is_over = state.known.is_some_and(|known| known == Decision::Abort);
                let begins = match state.stage {
                    Stage::Idle | Stage::Withdrawn => true,
                    // What cannot be applied now could not be then, either.
                    Stage::Refused(refusal) => refusal != Refusal::Apply,
                    _ => false,
                };
                if begins && !is_over && state.known != Some(Decision::Revert) {
                    state.prepare(&self.facts);
                }
            }
            Body::Propose(decision) => {
                // The second round is entered only when the first one has ended so.
                if decision.round() == Round::Stay && !state.learn(Decision::Commit) {
                    return Err(MessageError::Contradiction);
                }
                state.ballots.accept(message.epoch, decision);
            }
            Body::Outcome(decision) if !state.learn(decision) => {
                return Err(MessageError::Contradiction);
            }
            _ => {}
        }
        state.settle(&self.facts);
        Ok(state)
    }

    fn check_campaign(&self, message: &Message) -> Result<(), MessageError> {
        let (expected, found) = (self.state.campaign, message.campaign);
        if expected == found {
            Ok(())
        } else {
            Err(MessageError::OtherCampaign { expected, found })
        }
    }

    /// The highest epoch is followed, and in it each message is taken once.
    fn check_epoch(&self, message: &Message) -> Result<(), MessageError> {
        let (followed, found) = (self.state.promised, message.epoch);
        if found < followed {
            return Err(MessageError::OldEpoch { followed, found });
        }
        if found == followed && message.sequence <= self.last {
            return Err(MessageError::Repeated);
        }
        Ok(())
    }
}

/// The number of a campaign: the higher half is counted by whoever runs the campaigns, the lower
/// one is the start of the digest of the new image.
pub(super) fn campaign(number: u32, target: &Target) -> u64 {
    u64::from(number) << 32 | u64::from(start(target))
}

fn is_campaign_of(campaign: u64, target: &Target) -> bool {
    campaign as u32 == start(target)
}

fn start(target: &Target) -> u32 {
    target.new.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

impl State {
    /// Whether another campaign would leave this one without an end.
    fn is_unsettled(&self) -> bool {
        match self.known {
            Some(decision) => !decision.is_final(),
            None => self.is_bound(),
        }
    }
}
