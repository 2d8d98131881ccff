//! The rules of a coordinator: when it goes on, and what it asks for.

use core::time::Duration;

use super::coordinator::{CampaignPhase, Coordinator, Poll};
use super::decision::{Accepted, Decision, Round, Stage};
use super::error::MessageError;
use super::message::Body;
use super::node::ATTEMPTS;
use super::table::NodeEntry;
use crate::device::receive::To;

/// The rest between two rounds gets up to this many times as long.
const LONGEST_REST: u32 = 12;

impl Coordinator<'_, '_> {
    /// Goes on to the phase that is due.
    pub(super) fn turn(&mut self, now: Duration) {
        let (all, quorum) = (self.nodes.len() as u32, u32::from(self.campaign.quorum));
        let spare = all.saturating_sub(quorum);
        let next = match self.phase {
            CampaignPhase::Survey => self.after_survey(now),
            CampaignPhase::Prepare => {
                let ready = self
                    .count(|node| matches!(node.stage(), Some(Stage::Receiving | Stage::Verified)));
                let refused = self.count(NodeEntry::is_refused);
                let is_stalled = self.is_stalled(ready, now);
                if refused > spare || is_stalled && ready < quorum {
                    Some(CampaignPhase::Propose(Decision::Abort))
                } else {
                    let is_over = ready.saturating_add(refused) == all || is_stalled;
                    is_over.then_some(CampaignPhase::Distribute)
                }
            }
            CampaignPhase::Distribute | CampaignPhase::Verify => {
                let verified = self.verified(now);
                let refused = self.count(NodeEntry::is_refused);
                let is_verify = self.phase == CampaignPhase::Verify;
                let is_stalled = self.is_stalled(verified, now) && is_verify;
                let lingered = self.lasts(now) >= self.timing.linger && is_verify;
                if verified >= quorum && (verified == all || lingered) {
                    Some(CampaignPhase::Propose(Decision::Commit))
                } else if refused > spare || is_stalled {
                    Some(CampaignPhase::Propose(Decision::Abort))
                } else {
                    (!is_verify && self.is_distributed).then_some(CampaignPhase::Verify)
                }
            }
            CampaignPhase::Propose(decision) => {
                let accepted = Some(Accepted { epoch: self.epoch, decision });
                let accepts = self.count(|node| node.accepted(decision.round()) == accepted);
                (accepts >= self.majority()).then(|| {
                    self.decided = Some(decision);
                    after(decision)
                })
            }
            CampaignPhase::Confirm => {
                let healthy = self.count(|node| node.stage() == Some(Stage::Healthy));
                let failed =
                    self.count(|node| node.is_refused() || node.stage() == Some(Stage::Failed));
                let is_stalled = self.is_stalled(healthy, now);
                let lingered = self.lasts(now) >= self.timing.linger;
                let is_over = healthy.saturating_add(failed) == all || lingered;
                if healthy >= quorum && is_over {
                    Some(CampaignPhase::Propose(Decision::Keep))
                } else if failed > spare || is_stalled {
                    Some(CampaignPhase::Propose(Decision::Revert))
                } else {
                    None
                }
            }
            CampaignPhase::Settle(_) | CampaignPhase::Deposed | CampaignPhase::Superseded => None,
        };
        if let Some(phase) = next {
            self.enter(phase, now);
        }
    }

    /// What to do when more than half of the nodes have promised to follow no lower epoch: what may
    /// have been decided already is proposed again.
    fn after_survey(&mut self, now: Duration) -> Option<CampaignPhase> {
        let promised = self.count(|node| node.report.is_some());
        let waited = self.timing.answer.saturating_mul(self.timing.questions.into());
        let is_over = promised == self.nodes.len() as u32 || self.lasts(now) >= waited;
        if promised < self.majority() || !is_over {
            return None;
        }
        let latest = |round| {
            let accepted = self.nodes.iter().filter_map(|node| node.accepted(round));
            accepted.max_by_key(|accepted| accepted.epoch)
        };
        if let Some(accepted) = latest(Round::Stay) {
            self.decided = Some(Decision::Commit);
            return Some(CampaignPhase::Propose(accepted.decision));
        }
        Some(match latest(Round::Start) {
            Some(accepted) => CampaignPhase::Propose(accepted.decision),
            None => CampaignPhase::Prepare,
        })
    }

    /// A node knows what has been decided.
    pub(super) fn adopt(&mut self, known: Decision, now: Duration) -> Result<(), MessageError> {
        match (self.decided, known) {
            (Some(decided), known) if decided == known => return Ok(()),
            (Some(Decision::Keep | Decision::Revert), Decision::Commit) => return Ok(()),
            (None, _) => {}
            (Some(Decision::Commit), _) if known.round() == Round::Stay => {}
            _ => return Err(MessageError::Contradiction),
        }
        // What was accepted about the second round has to be learned first.
        if self.phase == CampaignPhase::Survey && known == Decision::Commit {
            return Ok(());
        }
        self.decided = Some(known);
        // What was accepted about it is proposed already.
        let is_later =
            matches!(self.phase, CampaignPhase::Propose(Decision::Keep | Decision::Revert));
        let is_over = matches!(self.phase, CampaignPhase::Deposed | CampaignPhase::Superseded);
        if is_over || is_later && known == Decision::Commit {
            return Ok(());
        }
        self.enter(after(known), now);
        Ok(())
    }

    pub(super) fn enter(&mut self, phase: CampaignPhase, now: Duration) {
        self.phase = phase;
        for node in self.nodes.iter().filter(|node| node.stage() == Some(Stage::Receiving)) {
            self.distributor.add(node.address, now);
        }
        (self.since, self.most) = (now, 0);
        self.poll = Poll { attempt: 0, node: 0, until: now, rest: self.timing.rest };
    }

    /// Whether the patch is being distributed.
    pub(super) fn distributes(&self) -> bool {
        matches!(
            self.phase,
            CampaignPhase::Distribute
                | CampaignPhase::Verify
                | CampaignPhase::Confirm
                | CampaignPhase::Propose(Decision::Commit | Decision::Keep)
                | CampaignPhase::Settle(Decision::Keep)
        )
    }

    /// What to say to a node that has asked for the outcome.
    pub(super) fn answer(&mut self) -> Option<(To, Body)> {
        let node = self.nodes.iter_mut().find(|node| node.asks)?;
        node.asks = false;
        let node = *node;
        Some((To::One(node.address), self.body(Some(&node))))
    }

    /// What to ask next, if it is time: in a round first all, then each one that has not answered.
    pub(super) fn question(&mut self, now: Duration) -> Option<(To, Body)> {
        if self.poll.attempt == 0 {
            if now < self.poll.until {
                return None;
            }
            return self.first_question(now);
        }
        let silent = |node: &NodeEntry| !node.answered && self.wants(node);
        if self.count(silent) == 0 {
            self.end_round(now);
            return None;
        }
        if now < self.poll.until {
            return None;
        }
        let rest = self.nodes.iter().enumerate().skip(self.poll.node);
        if let Some((index, node)) = rest.into_iter().find(|(_, node)| silent(node)) {
            let question = (To::One(node.address), self.body(Some(node)));
            self.poll.node = index.saturating_add(1);
            return Some(question);
        }
        if self.poll.attempt < self.timing.questions {
            self.poll.attempt = self.poll.attempt.saturating_add(1);
            self.poll.node = 0;
            self.poll.until = now.saturating_add(self.timing.answer);
        } else {
            self.end_round(now);
        }
        None
    }

    fn first_question(&mut self, now: Duration) -> Option<(To, Body)> {
        for index in 0..self.nodes.len() {
            let answered = self.nodes.get(index).is_some_and(|node| !self.wants(node));
            if let Some(node) = self.nodes.get_mut(index) {
                node.answered = answered;
            }
        }
        let mut asked = self.nodes.iter().filter(|node| !node.answered);
        let Some(first) = asked.next() else {
            self.end_round(now);
            return None;
        };
        let question = match asked.next() {
            Some(_) => (To::All, self.body(None)),
            None => (To::One(first.address), self.body(Some(first))),
        };
        let until = now.saturating_add(self.timing.answer);
        self.poll = Poll { attempt: 1, node: 0, until, ..self.poll };
        Some(question)
    }

    fn end_round(&mut self, now: Duration) {
        let longest = self.timing.rest.saturating_mul(LONGEST_REST);
        let rest = match self.phase {
            // What is prepared is not to be taken back meanwhile.
            CampaignPhase::Distribute => (self.campaign.target.go_ahead / 4).max(self.timing.rest),
            _ => self.poll.rest,
        };
        self.poll = Poll {
            attempt: 0,
            node: 0,
            until: now.saturating_add(rest),
            rest: self.poll.rest.saturating_mul(2).min(longest),
        };
    }

    /// Whether there is something to be said to this node.
    fn wants(&self, node: &NodeEntry) -> bool {
        match self.phase {
            CampaignPhase::Survey => node.report.is_none(),
            CampaignPhase::Prepare | CampaignPhase::Distribute | CampaignPhase::Verify => true,
            CampaignPhase::Propose(decision) => {
                let accepted = Some(Accepted { epoch: self.epoch, decision });
                node.accepted(decision.round()) != accepted
            }
            CampaignPhase::Confirm => {
                let knows = node.report.is_some_and(|report| report.known.is_some());
                let is_settled = matches!(node.stage(), Some(Stage::Healthy | Stage::Failed));
                !(knows && (is_settled || node.is_refused()))
            }
            CampaignPhase::Settle(decision) => !node.is_settled(decision, &self.campaign.target),
            CampaignPhase::Deposed | CampaignPhase::Superseded => false,
        }
    }

    /// What is said to all, or to a node.
    fn body(&self, node: Option<&NodeEntry>) -> Body {
        let target = self.campaign.target;
        // It has to enter the campaign first.
        let is_elsewhere = node.is_some_and(|node| node.elsewhere);
        match self.phase {
            CampaignPhase::Propose(decision) if !is_elsewhere => Body::Propose(decision),
            CampaignPhase::Confirm if !is_elsewhere => Body::Outcome(Decision::Commit),
            CampaignPhase::Settle(decision) if !is_elsewhere => Body::Outcome(decision),
            CampaignPhase::Survey | CampaignPhase::Propose(Decision::Abort | Decision::Revert) => {
                Body::Survey(target)
            }
            CampaignPhase::Settle(Decision::Abort | Decision::Revert) => Body::Survey(target),
            _ => Body::Prepare(target),
        }
    }

    fn majority(&self) -> u32 {
        (self.nodes.len() as u32 / 2).saturating_add(1)
    }

    fn count(&self, is: impl Fn(&NodeEntry) -> bool) -> u32 {
        self.nodes.iter().filter(|node| is(node)).count() as u32
    }

    /// How many nodes have the new image and wait for the go-ahead: those that were heard of
    /// lately, so that they do not take it back meanwhile.
    fn verified(&self, now: Duration) -> u32 {
        let fresh = self.campaign.target.go_ahead / 2;
        self.count(|node| {
            let heard = node.heard.is_some_and(|heard| now.saturating_sub(heard) <= fresh);
            heard && node.stage() == Some(Stage::Verified)
        })
    }

    /// Time since the phase was entered or a node got on.
    fn lasts(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// Whether no node has made progress for long.
    fn is_stalled(&mut self, done: u32, now: Duration) -> bool {
        if done > self.most {
            (self.most, self.since) = (done, now);
            self.poll.rest = self.timing.rest;
        }
        let stall = match self.phase {
            CampaignPhase::Confirm => {
                let trials = self.campaign.target.health.saturating_mul(ATTEMPTS.into());
                self.timing.stall.saturating_add(trials)
            }
            _ => self.timing.stall,
        };
        self.lasts(now) >= stall
    }
}

/// The phase after a decision.
fn after(decision: Decision) -> CampaignPhase {
    match decision {
        Decision::Commit => CampaignPhase::Confirm,
        _ => CampaignPhase::Settle(decision),
    }
}
