//! A node of a group: what it does, and when.

use core::time::Duration;

use super::decision::{Decision, Round, Stage};
use super::error::NodeError;
use super::message::{Authentication, Body, Message, Report, MAX_MESSAGE_LEN};
use super::record::{NodeRecord, State, RECORD_LEN};
use super::target::{Facts, Refusal, Target};
use crate::device::receive::To;

/// Times that a node starts a new image that does not become healthy.
pub(super) const ATTEMPTS: u8 = 3;

/// Answers are sent after some of this time, so that those of many nodes do not collide.
const SPREAD: Duration = Duration::from_millis(500);

/// Who hears of no coordinator asks the others after this time, and then ever more rarely.
const SILENCE: Duration = Duration::from_secs(30);
const RAREST: Duration = Duration::from_secs(960);

/// What a node is to do next.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeAction {
    /// Send the first `len` bytes of the lent memory.
    Send {
        /// To whom.
        to: To,
        /// Bytes of the message.
        len: usize,
    },
    /// Get into a safe state, one in which the device can be updated, and tell the node by
    /// [`prepared`](Node::prepared). From then on take the patch, apply it to the other slot, and
    /// tell the node by [`verified`](Node::verified).
    Prepare,
    /// Leave the safe state. What was prepared is not used.
    Drop,
    /// Have the bootloader start the new image, once, and reset. If that fails, reset all the same:
    /// it counts as one of three attempts.
    Activate,
    /// The new image runs, on trial. If it works, tell the bootloader and then the node, by
    /// [`healthy`](Node::healthy). If it does not, the bootloader's watchdog goes back.
    Check,
    /// The new image stays. The old one is not needed any more.
    Keep,
    /// Have the bootloader start the old image, and reset. Told again until that has happened.
    Revert,
    /// Nothing to do until a message comes, or this time.
    Wait {
        /// When to call again.
        until: Duration,
    },
}

/// A node of a group: see the [module](super).
///
/// It owns no socket, no clock and no slot: [`receive`](Self::receive) takes messages,
/// [`next`](Self::next) says what to do, and both are told the time, from any start, which may be
/// another one after a reset. Whatever it has said survives in its record, which is written before
/// anything is sent that depends on it.
#[derive(Debug)]
pub struct Node<'k, R> {
    pub(super) record: R,
    pub(super) is_poisoned: bool,
    pub(super) authentication: Authentication<'k>,
    pub(super) group: u32,
    address: u32,
    pub(super) facts: Facts,
    pub(super) state: State,
    random: u32,
    /// The coordinator that was heard last, and the sequence number of its last message.
    pub(super) coordinator: Option<u32>,
    pub(super) last: u32,
    /// Reports so far.
    count: u16,
    /// When a coordinator was heard last.
    pub(super) heard: Duration,
    /// When a report is due.
    reply: Option<Duration>,
    /// Who is told the outcome, and when.
    answer: Option<(u32, Duration)>,
    /// When to ask what has been decided, and how long to wait for the next time.
    pub(super) asks: Duration,
    pub(super) pause: Duration,
    /// The caller knows what the stage wants of it.
    pub(super) is_told: bool,
    /// When the new image was started.
    started: Duration,
}

impl<'k, R: NodeRecord> Node<'k, R> {
    /// Opens a node at boot, as whatever was before has left it. `facts.running` is the image that
    /// runs now. `random`: any number, another one at each boot.
    ///
    /// # Errors
    ///
    /// [`NodeError::Record`], [`NodeError::BadRecord`].
    pub fn open(
        mut record: R,
        group: u32,
        address: u32,
        facts: Facts,
        authentication: Authentication<'k>,
        random: u32,
        now: Duration,
    ) -> Result<Self, NodeError<R::Error>> {
        let mut bytes = [0; RECORD_LEN];
        let state = match record.read(&mut bytes).map_err(NodeError::Record)? {
            true => State::of(&bytes).ok_or(NodeError::BadRecord)?,
            false => State::default(),
        };
        let mut node = Self {
            record,
            is_poisoned: false,
            authentication,
            group,
            address,
            facts,
            state,
            random: random | 1,
            coordinator: None,
            last: 0,
            count: 0,
            heard: now,
            reply: None,
            answer: None,
            asks: now.saturating_add(SILENCE / 8),
            pause: SILENCE,
            is_told: false,
            started: now,
        };
        let booted = node.state.booted(&node.facts);
        node.save(booted)?;
        Ok(node)
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        self.state.stage
    }

    /// What it knows to be decided in this campaign.
    pub fn known(&self) -> Option<Decision> {
        self.state.known
    }

    /// What the group is to become, if it is to become anything.
    pub fn target(&self) -> Option<&Target> {
        (self.state.campaign != 0).then_some(&self.state.target)
    }

    /// Takes a message that has arrived from an address.
    ///
    /// # Errors
    ///
    /// [`NodeError::Message`]: it was of no use, and changes nothing. [`NodeError::Record`];
    /// [`NodeError::Poisoned`].
    pub fn receive(
        &mut self,
        from: u32,
        bytes: &[u8],
        now: Duration,
    ) -> Result<(), NodeError<R::Error>> {
        self.check_poison()?;
        let message = Message::parse(bytes, &self.authentication)?;
        self.take(from, &message, now)
    }

    /// What to do next: call it again and again, after each message and whenever the time has come
    /// that it has told.
    ///
    /// # Errors
    ///
    /// [`NodeError::Record`]; [`NodeError::Poisoned`].
    pub fn next(
        &mut self,
        now: Duration,
        out: &mut [u8; MAX_MESSAGE_LEN],
    ) -> Result<NodeAction, NodeError<R::Error>> {
        self.check_poison()?;
        if self.waits_until().is_some_and(|until| now >= until) {
            self.save(State { stage: Stage::Withdrawn, ..self.state })?;
            self.report_soon(now);
        }
        if self.reply.is_some_and(|due| now >= due) {
            self.reply = None;
            if let Some(coordinator) = self.coordinator {
                self.count = self.count.wrapping_add(1);
                let len = self.write(self.last, Body::Report(self.report()), out);
                return Ok(NodeAction::Send { to: To::One(coordinator), len });
            }
        }
        if let (Some((to, due)), Some(known)) = (self.answer, self.state.known) {
            if now >= due {
                self.answer = None;
                let len = self.write(0, Body::Outcome(known), out);
                return Ok(NodeAction::Send { to: To::One(to), len });
            }
        }
        if self.trial_until().is_some_and(|until| now >= until) {
            return Ok(NodeAction::Revert);
        }
        if let Some(task) = self.task() {
            return Ok(task);
        }
        if self.is_open() && now >= self.asks {
            let spread = self.spread();
            self.asks = now.saturating_add(self.pause).saturating_add(spread);
            self.pause = self.pause.saturating_mul(2).min(RAREST);
            let len = self.write(0, Body::Ask(self.address), out);
            return Ok(NodeAction::Send { to: To::All, len });
        }
        let times = [
            self.waits_until(),
            self.reply,
            self.answer.map(|(_, due)| due),
            self.trial_until(),
            self.is_open().then_some(self.asks),
        ];
        let until = times.into_iter().flatten().min().unwrap_or(Duration::MAX);
        Ok(NodeAction::Wait { until })
    }

    /// The device has got into a safe state, or cannot.
    ///
    /// # Errors
    ///
    /// [`NodeError::Record`]; [`NodeError::Poisoned`].
    pub fn prepared(
        &mut self,
        result: Result<(), Refusal>,
        now: Duration,
    ) -> Result<(), NodeError<R::Error>> {
        let stage = match result {
            Ok(()) => Stage::Receiving,
            Err(refusal) => Stage::Refused(refusal),
        };
        self.advance(|stage| stage == Stage::Preparing, stage, now)
    }

    /// The new image has been made in the other slot, and reads back with this SHA-256. If it is
    /// not the one that the group is to get, the node does not take part.
    ///
    /// # Errors
    ///
    /// [`NodeError::Record`]; [`NodeError::Poisoned`].
    pub fn verified(
        &mut self,
        digest: &[u8; 32],
        now: Duration,
    ) -> Result<(), NodeError<R::Error>> {
        let is_right = *digest == self.state.target.new;
        let stage = if is_right { Stage::Verified } else { Stage::Refused(Refusal::Apply) };
        self.advance(|stage| stage == Stage::Receiving, stage, now)
    }

    /// The node cannot take part: the patch cannot be applied, say, or the device is needed. Once
    /// it has accepted that the new image is to be started, this changes nothing.
    ///
    /// # Errors
    ///
    /// [`NodeError::Record`]; [`NodeError::Poisoned`].
    pub fn refuse(&mut self, refusal: Refusal, now: Duration) -> Result<(), NodeError<R::Error>> {
        if self.state.is_bound() && self.state.stage == Stage::Verified {
            return Ok(());
        }
        self.advance(Stage::waits, Stage::Refused(refusal), now)
    }

    /// The new image works.
    ///
    /// # Errors
    ///
    /// [`NodeError::Record`]; [`NodeError::Poisoned`].
    pub fn healthy(&mut self, now: Duration) -> Result<(), NodeError<R::Error>> {
        let runs = self.state.runs_new(&self.facts);
        self.advance(|stage| stage == Stage::Activating && runs, Stage::Healthy, now)
    }

    /// Gives the record back.
    pub fn into_record(self) -> R {
        self.record
    }

    /// The caller tells of something that leads from a stage to another one.
    fn advance(
        &mut self,
        is_from: impl FnOnce(Stage) -> bool,
        stage: Stage,
        now: Duration,
    ) -> Result<(), NodeError<R::Error>> {
        self.check_poison()?;
        if !is_from(self.state.stage) {
            return Ok(());
        }
        let mut state = State { stage, ..self.state };
        state.settle(&self.facts);
        self.save(state)?;
        self.report_soon(now);
        Ok(())
    }

    /// What the stage wants of the caller, told once; resets wait for a report that is due.
    fn task(&mut self) -> Option<NodeAction> {
        let runs_new = self.state.runs_new(&self.facts);
        let task = match (self.state.stage, self.state.known) {
            (_, Some(Decision::Revert)) if runs_new => NodeAction::Revert,
            (Stage::Preparing, _) => NodeAction::Prepare,
            (Stage::Activating, _) if runs_new => NodeAction::Check,
            (Stage::Activating, _) => NodeAction::Activate,
            (Stage::Healthy, Some(Decision::Keep)) => NodeAction::Keep,
            (Stage::Withdrawn, _) => NodeAction::Drop,
            _ => return None,
        };
        let resets = matches!(task, NodeAction::Revert | NodeAction::Activate);
        if resets && self.reply.is_some() || self.is_told && task != NodeAction::Revert {
            return None;
        }
        self.is_told = true;
        Some(task)
    }

    /// Until when it waits for a go-ahead, if it does. Once it has accepted to start the new image
    /// it does not give up: others may have started theirs.
    fn waits_until(&self) -> Option<Duration> {
        let state = &self.state;
        let waits = state.stage.waits() && state.known.is_none() && !state.is_bound();
        waits.then(|| self.heard.saturating_add(state.target.go_ahead))
    }

    fn trial_until(&self) -> Option<Duration> {
        let is_trial = self.state.stage == Stage::Activating
            && self.state.known != Some(Decision::Revert)
            && self.state.runs_new(&self.facts);
        is_trial.then(|| self.started.saturating_add(self.state.target.health))
    }

    /// Whether something is still to be decided.
    fn is_open(&self) -> bool {
        self.state.campaign != 0 && !self.state.known.is_some_and(Decision::is_final)
    }

    /// A report is due.
    pub(super) fn report_soon(&mut self, now: Duration) {
        if self.reply.is_none() {
            let spread = self.spread();
            self.reply = self.coordinator.map(|_| now.saturating_add(spread));
        }
    }

    /// Somebody asks for the outcome. Not all who know it answer.
    pub(super) fn answer_soon(&mut self, from: u32, now: Duration) {
        let spread = self.spread();
        if self.state.known.is_some() && self.answer.is_none() && self.random & 0x300 == 0 {
            self.answer = Some((from, now.saturating_add(spread)));
        }
    }

    /// A coordinator has been heard.
    pub(super) fn hear(&mut self, from: u32, sequence: u32, now: Duration) {
        (self.coordinator, self.last, self.heard) = (Some(from), sequence, now);
        self.asks = now.saturating_add(SILENCE);
        self.pause = SILENCE;
        self.report_soon(now);
    }

    /// Some time up to [`SPREAD`].
    fn spread(&mut self) -> Duration {
        // Marsaglia: "Xorshift RNGs", 2003.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        SPREAD.saturating_mul(self.random >> 24) / 256
    }

    /// Puts what is new into the record, and only then knows it.
    pub(super) fn save(&mut self, state: State) -> Result<(), NodeError<R::Error>> {
        if state != self.state {
            if let Err(error) = self.record.write(&state.bytes()) {
                self.is_poisoned = true;
                return Err(NodeError::Record(error));
            }
            let is_same = (state.stage, state.known) == (self.state.stage, self.state.known);
            self.is_told &= is_same;
            self.state = state;
        }
        Ok(())
    }

    fn check_poison(&self) -> Result<(), NodeError<R::Error>> {
        if self.is_poisoned {
            return Err(NodeError::Poisoned);
        }
        Ok(())
    }

    fn report(&self) -> Report {
        Report {
            address: self.address,
            count: self.count,
            stage: self.state.stage,
            known: self.state.known,
            ballots: self.state.ballots,
            facts: self.facts,
        }
    }

    fn write(&self, sequence: u32, body: Body, out: &mut [u8]) -> usize {
        let State { campaign, nodes, promised, .. } = self.state;
        let message =
            Message { nodes, group: self.group, campaign, epoch: promised, sequence, body };
        message.write(&self.authentication, out)
    }
}

impl State {
    pub(super) fn runs_new(&self, facts: &Facts) -> bool {
        self.campaign != 0 && facts.running == self.target.new_id()
    }

    /// What it is after a reset.
    fn booted(mut self, facts: &Facts) -> Self {
        self.stage = match self.stage {
            // It has to get into a safe state again.
            Stage::Receiving => Stage::Preparing,
            // The new image was started, and the old one runs.
            Stage::Activating | Stage::Healthy if !self.runs_new(facts) => Stage::Verified,
            stage => stage,
        };
        self.settle(facts);
        self
    }

    /// Begins to prepare, or to refuse.
    pub(super) fn prepare(&mut self, facts: &Facts) {
        self.stage = match facts.refusal(&self.target) {
            Some(refusal) => Stage::Refused(refusal),
            None if self.runs_new(facts) => Stage::Verified,
            None => Stage::Preparing,
        };
    }

    /// What follows from what is known to be decided.
    pub(super) fn settle(&mut self, facts: &Facts) {
        let runs_new = self.runs_new(facts);
        match self.known {
            Some(Decision::Commit | Decision::Keep) => self.go_on(facts, runs_new),
            Some(Decision::Abort | Decision::Revert) => {
                let has_begun = !matches!(self.stage, Stage::Idle | Stage::Refused(_));
                if has_begun && (!runs_new || self.known == Some(Decision::Abort)) {
                    self.stage = Stage::Withdrawn;
                }
            }
            None => {}
        }
    }

    /// The new image is to run.
    fn go_on(&mut self, facts: &Facts, runs_new: bool) {
        if runs_new {
            self.stage = match self.stage {
                Stage::Healthy => Stage::Healthy,
                _ => Stage::Activating,
            };
            return;
        }
        if matches!(self.stage, Stage::Idle | Stage::Withdrawn) {
            self.prepare(facts);
        }
        if self.stage == Stage::Verified {
            let attempts = self.attempts.saturating_add(1);
            let is_left = attempts <= ATTEMPTS;
            self.stage = if is_left { Stage::Activating } else { Stage::Failed };
            self.attempts = attempts.min(ATTEMPTS);
        }
    }

    /// It has been decided.
    pub(super) fn learn(&mut self, decision: Decision) -> bool {
        match (self.known, decision) {
            (Some(known), decision) if known == decision => {}
            (Some(Decision::Keep | Decision::Revert), Decision::Commit) => {}
            (None | Some(Decision::Commit), decision)
                if self.known.is_none() || decision.round() == Round::Stay =>
            {
                if decision == Decision::Keep && self.stage == Stage::Failed {
                    // The others run it: it is worth another try.
                    (self.stage, self.attempts) = (Stage::Verified, 0);
                }
                self.known = Some(decision);
            }
            _ => return false,
        }
        true
    }
}
