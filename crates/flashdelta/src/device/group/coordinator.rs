//! A coordinator of a group: what it says, and to whom.

use core::time::Duration;

use super::decision::{Decision, Stage};
use super::error::{CoordinatorError, MessageError};
use super::follow::campaign;
use super::message::{Authentication, Body, Message, Report, MAX_MESSAGE_LEN};
use super::table::{NodeEntry, NodeState};
use super::target::Target;
use crate::device::receive::{Action, Distributor, Receiver, Status, To};

/// What is to be done, and to whom.
#[allow(clippy::exhaustive_structs)] // It is put together by whoever has the patch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Campaign {
    /// The group: nodes take messages of no other.
    pub group: u32,
    /// Number of the update; each one of a group has a higher number than those before.
    /// Coordinators that replace each other have the same.
    pub number: u32,
    /// What the nodes are to become.
    pub target: Target,
    /// How many nodes have to have verified before any starts the new image, and have to be healthy
    /// for it to stay: more than half of them, and at most all.
    pub quorum: u16,
}

/// How patient a coordinator is.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// How long answers are waited for before a question is repeated: 1 second.
    pub answer: Duration,
    /// How many times a question is put in one round: 4.
    pub questions: u8,
    /// Between two rounds: 5 seconds, and up to 12 times as much when nothing happens.
    pub rest: Duration,
    /// How long the others are waited for when the quorum is reached: 30 seconds.
    pub linger: Duration,
    /// How long it may take until one more node has got on: 300 seconds. When nodes start the new
    /// image, three times the time for its health is added.
    pub stall: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(1),
            questions: 4,
            rest: Duration::from_secs(5),
            linger: Duration::from_secs(30),
            stall: Duration::from_secs(300),
        }
    }
}

impl Timing {
    /// Waits this long for answers.
    #[must_use]
    pub fn answer(mut self, answer: Duration) -> Self {
        self.answer = answer;
        self
    }

    /// Puts a question this many times in a round.
    #[must_use]
    pub fn questions(mut self, questions: u8) -> Self {
        self.questions = questions;
        self
    }

    /// Rests this long between rounds.
    #[must_use]
    pub fn rest(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// Waits this long for those who are not in the quorum.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// Waits this long for the next node to get on.
    #[must_use]
    pub fn stall(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }
}

/// How far a campaign has come, for its coordinator.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CampaignPhase {
    /// It learns from the nodes how far they have come. More than half of them have to answer.
    Survey,
    /// The nodes say whether they can take part, and get into a safe state.
    Prepare,
    /// The patch is distributed.
    Distribute,
    /// The nodes apply it and verify the new image.
    Verify,
    /// More than half of the nodes have to accept this.
    Propose(Decision),
    /// The nodes start the new image, and report whether it is healthy.
    Confirm,
    /// This is decided, and the nodes are told. Who comes later is told, too, as long as the
    /// coordinator is asked for what to do.
    Settle(Decision),
    /// Another coordinator has replaced this one.
    Deposed,
    /// A later campaign has begun.
    Superseded,
}

/// What a coordinator is to do next.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CoordinatorAction {
    /// Send the first `len` bytes of the lent memory.
    Send {
        /// To whom.
        to: To,
        /// Bytes of the message.
        len: usize,
    },
    /// Send a part of the patch, or ask what is missing of it, as the distributor has it.
    Distribute(Action),
    /// Nothing to do until a message comes, or this time.
    Wait {
        /// When to call again.
        until: Duration,
    },
}

/// Where in a round of questions it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Poll {
    /// 0: the next round is about to begin.
    pub(super) attempt: u8,
    /// The node to be asked next.
    pub(super) node: usize,
    pub(super) until: Duration,
    /// How long to rest before the next round.
    pub(super) rest: Duration,
}

/// A coordinator of a group: see the [module](super).
///
/// It owns no socket and no clock: [`receive`](Self::receive) and [`status`](Self::status) take
/// what nodes say, [`next`](Self::next) says what to do, and all are told the time. The memory is
/// lent: an entry for each node, and what the [`Distributor`] takes. Nothing of it has to survive:
/// another coordinator, or this one after a reset, learns everything from the nodes.
#[derive(Debug)]
pub struct Coordinator<'m, 'k> {
    pub(super) campaign: Campaign,
    pub(super) timing: Timing,
    authentication: Authentication<'k>,
    pub(super) nodes: &'m mut [NodeEntry],
    pub(super) distributor: Distributor<'m>,
    /// The distributor has nothing to do.
    pub(super) is_distributed: bool,
    pub(super) phase: CampaignPhase,
    /// What is known to be decided.
    pub(super) decided: Option<Decision>,
    pub(super) epoch: u64,
    sequence: u32,
    random: u32,
    /// When the phase was entered or the last node got on, and how many had then.
    pub(super) since: Duration,
    pub(super) most: u32,
    pub(super) poll: Poll,
}

impl<'m, 'k> Coordinator<'m, 'k> {
    /// A coordinator at its start. `nodes`: all nodes of the group, the same whichever coordinator
    /// it is. `distributor`: one for the patch, without receivers, with room for all nodes.
    /// `random`: any number; no two coordinators have the same.
    ///
    /// # Errors
    ///
    /// [`CoordinatorError`].
    pub fn new(
        campaign: Campaign,
        timing: Timing,
        nodes: &'m mut [NodeEntry],
        distributor: Distributor<'m>,
        authentication: Authentication<'k>,
        random: u32,
        now: Duration,
    ) -> Result<Self, CoordinatorError> {
        let found = nodes.len() as u32;
        if found == 0 || found > u32::from(u16::MAX) {
            return Err(CoordinatorError::Nodes { found });
        }
        let (least, quorum) = (found / 2 + 1, u32::from(campaign.quorum));
        if quorum < least || quorum > found {
            return Err(CoordinatorError::Quorum { least, nodes: found, found: quorum });
        }
        for (index, node) in nodes.iter().enumerate() {
            let address = node.address;
            if nodes.iter().skip(index.saturating_add(1)).any(|other| other.address == address) {
                return Err(CoordinatorError::SameAddress { address });
            }
        }
        nodes.iter_mut().for_each(|node| *node = NodeEntry::new(node.address));
        Ok(Self {
            campaign,
            timing,
            authentication,
            nodes,
            distributor,
            is_distributed: false,
            phase: CampaignPhase::Survey,
            decided: None,
            epoch: 1 << 32 | u64::from(random),
            sequence: 0,
            random: random | 1,
            since: now,
            most: 0,
            poll: Poll { attempt: 0, node: 0, until: now, rest: timing.rest },
        })
    }

    /// How far the campaign has come.
    pub fn phase(&self) -> CampaignPhase {
        self.phase
    }

    /// What has been decided. After [`Decision::Commit`] another decision follows.
    pub fn decided(&self) -> Option<Decision> {
        self.decided
    }

    /// Whether it is decided how the campaign ends, and every node does that, or has not been heard
    /// of for so long.
    pub fn is_done(&self, now: Duration, lost: Duration) -> bool {
        let CampaignPhase::Settle(decision) = self.phase else { return false };
        let is_lost = |node: &NodeEntry| {
            let heard = node.heard.unwrap_or(Duration::ZERO).max(self.since);
            now.saturating_sub(heard) >= lost
        };
        let target = &self.campaign.target;
        self.nodes.iter().all(|node| node.is_settled(decision, target) || is_lost(node))
    }

    /// The nodes, and how far each has come.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeEntry, NodeState)> + '_ {
        self.nodes.iter().map(|node| (node, node.state(&self.campaign.target)))
    }

    /// The receivers of the patch, and how much each lacks.
    pub fn receivers(&self) -> impl Iterator<Item = &Receiver> + '_ {
        self.distributor.receivers()
    }

    /// Takes a message that has arrived.
    ///
    /// # Errors
    ///
    /// [`MessageError`]: it was of no use, and changes nothing but, perhaps, that this coordinator
    /// has been replaced.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) -> Result<(), MessageError> {
        let message = Message::parse(bytes, &self.authentication)?;
        if message.group != self.campaign.group {
            return Err(MessageError::OtherGroup);
        }
        match &message.body {
            Body::Report(report) => self.take(&message, report, now),
            Body::Ask(address) => {
                let node = self.nodes.iter_mut().find(|node| node.address == *address);
                let node = node.ok_or(MessageError::OtherGroup)?;
                node.asks = true;
                Ok(())
            }
            // Of other coordinators, or of nodes to nodes.
            _ => Ok(()),
        }
    }

    /// Takes a status of a receiver of the patch.
    pub fn status(&mut self, address: u32, status: &Status<'_>, now: Duration) {
        if self.nodes.iter().any(|node| node.address == address) {
            self.distributor.status(address, status, now);
            self.is_distributed = false;
        }
    }

    /// What to do next: call it again and again, as fast as the network takes it, after each
    /// message and whenever the time has come that it has told.
    pub fn next(&mut self, now: Duration, out: &mut [u8; MAX_MESSAGE_LEN]) -> CoordinatorAction {
        self.turn(now);
        if matches!(self.phase, CampaignPhase::Deposed | CampaignPhase::Superseded) {
            return CoordinatorAction::Wait { until: Duration::MAX };
        }
        if let Some((to, body)) = self.answer().or_else(|| self.question(now)) {
            return CoordinatorAction::Send { to, len: self.write(body, out) };
        }
        let mut until = self.poll.until;
        if self.distributes() {
            match self.distributor.next(now) {
                Action::Wait { until: answers } => until = until.min(answers),
                Action::Done => {
                    let was = core::mem::replace(&mut self.is_distributed, true);
                    if !was && self.phase == CampaignPhase::Distribute {
                        until = now;
                    }
                }
                action => return CoordinatorAction::Distribute(action),
            }
        }
        CoordinatorAction::Wait { until }
    }

    /// Takes a report of a node.
    fn take(
        &mut self,
        message: &Message,
        report: &Report,
        now: Duration,
    ) -> Result<(), MessageError> {
        let expected = self.campaign_number();
        let node = self.nodes.iter_mut().find(|node| node.address == report.address);
        let node = node.ok_or(MessageError::OtherGroup)?;
        let found = message.campaign;
        if found != expected {
            node.heard = Some(now);
            node.elsewhere = true;
            if found > expected {
                self.phase = CampaignPhase::Superseded;
            }
            return Err(MessageError::OtherCampaign { expected, found });
        }
        let order = (message.sequence, report.count);
        if message.epoch == self.epoch {
            if order <= node.order || message.sequence > self.sequence {
                return Err(MessageError::Repeated);
            }
            node.order = order;
            node.report = Some(*report);
            node.heard = Some(now);
            (node.answered, node.elsewhere) = (true, false);
            if report.stage == Stage::Receiving {
                self.distributor.heard(report.address, now);
                self.is_distributed = false;
            }
        } else if message.epoch > self.epoch {
            // At its start it takes the place of the one before; later, another one takes its
            // place.
            if self.phase == CampaignPhase::Survey {
                self.outbid(message.epoch, now);
            } else {
                self.phase = CampaignPhase::Deposed;
            }
            return Err(MessageError::OldEpoch { followed: message.epoch, found: self.epoch });
        }
        match report.known {
            Some(known) => self.adopt(known, now),
            None => Ok(()),
        }
    }

    /// Another coordinator has been before: takes a higher epoch than its own.
    fn outbid(&mut self, epoch: u64, now: Duration) {
        let counter = (epoch >> 32).saturating_add(1);
        self.epoch = counter << 32 | self.epoch & 0xFFFF_FFFF;
        for node in self.nodes.iter_mut() {
            (node.report, node.order) = (None, (0, 0));
        }
        self.enter(CampaignPhase::Survey, now);
        // Two of them at the same time would else go on for ever.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        let wait = self.timing.answer.saturating_mul(self.random >> 24) / 64;
        self.poll.until = now.saturating_add(wait);
    }

    pub(super) fn campaign_number(&self) -> u64 {
        campaign(self.campaign.number, &self.campaign.target)
    }

    fn write(&mut self, body: Body, out: &mut [u8]) -> usize {
        self.sequence = self.sequence.saturating_add(1);
        let message = Message {
            nodes: self.nodes.len() as u16,
            group: self.campaign.group,
            campaign: self.campaign_number(),
            epoch: self.epoch,
            sequence: self.sequence,
            body,
        };
        message.write(&self.authentication, out)
    }
}
