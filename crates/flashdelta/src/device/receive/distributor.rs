//! What to send next, and to whom.

use core::time::Duration;

use super::action::{Action, Pieces, To, MOST_COMBINED};
use super::bits;
use super::plan::{Patience, Plan};
use super::receiver::{Receiver, Stage};
use super::status::Status;

/// Rounds for which chunks wait until all have the table: who comes later gets nothing out of what
/// was sent before.
const WAITS: u8 = 8;

/// Where in a round it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Sends the header to whom lacks it.
    Header,
    /// Sends the pieces of the table, and then the chunks, to whom lacks them.
    Table,
    Chunks,
    /// Is about to put the question, or to repeat it to the receivers from this one on.
    Ask {
        attempt: u8,
        receiver: usize,
    },
    /// Waits for answers.
    Wait {
        attempt: u8,
        until: Duration,
    },
    Done,
}

/// Tells a sender what to send next, so that many receivers get a patch.
///
/// It owns no socket and no clock: [`next`](Self::next) says what to do, [`status`](Self::status)
/// takes what receivers say, and both are told the time. It holds no patch: where the bytes come
/// from is the sender's business. The memory is lent, a [`Receiver`] and some bits for each
/// receiver: [`bits_len`](Self::bits_len).
///
/// It works in rounds. In each it sends what receivers are known to lack, supposes that it arrives,
/// and then asks. First what most of them lack, to all; what a single one lacks, to that one; and
/// as soon as receivers lack different pieces, [several as one](Pieces). Answers to an older
/// question are not taken for what is there now. All of it is deterministic.
///
/// Nobody can stall it: a receiver that is silent vanishes, one that does not get on in spite of
/// all that it is sent is given up, and so is one that was sent the patch 16 times over. Statuses
/// need not be authentic for that: wrong ones cost transmissions, up to these bounds.
///
/// ```
/// use core::time::Duration;
/// use flashdelta::receive::{Action, Distributor, Patience, Plan, Receiver, Status, To};
///
/// let plan = Plan { patch: [7; 8], table_pieces: 1, pieces: 10 };
/// let (mut receivers, mut bits) = ([Receiver::default(); 2], [0; 2 * 2]);
/// let mut distributor = Distributor::new(plan, Patience::default(), &mut receivers, &mut bits);
/// let now = Duration::ZERO;
/// distributor.add(100, now);
/// distributor.add(200, now);
/// assert_eq!(distributor.next(now), Action::Header { to: To::All });
/// let Action::Send { pieces, to: To::All } = distributor.next(now) else { panic!() };
/// assert_eq!(pieces.numbers(), [0]);
/// // The chunks have to wait until somebody has the table.
/// let Action::Ask { to: To::All, question } = distributor.next(now) else { panic!() };
/// let mut answer = [0; 40];
/// let len = Status::write(&mut answer, question, [7; 8], 10, &[0b11, 0]);
/// let status = Status::parse(&answer[..len]).unwrap();
/// distributor.status(100, &status, now);
/// distributor.status(200, &status, now);
/// let Action::Send { pieces, to: To::All } = distributor.next(now) else { panic!() };
/// assert_eq!(pieces.numbers(), [2]);
/// ```
#[derive(Debug)]
pub struct Distributor<'m> {
    plan: Plan,
    patience: Patience,
    receivers: &'m mut [Receiver],
    /// For each receiver, which pieces it holds.
    bits: &'m mut [u8],
    phase: Phase,
    /// Number of the question that was or will be asked in this round.
    question: u16,
    /// Where the search for the next piece goes on.
    cursor: u32,
    /// How many receivers lack a piece that is to be sent now.
    level: u32,
    /// The most that lack a piece after this pass.
    next_level: u32,
    /// Rounds for which chunks still wait until all have the table.
    waits: u8,
}

impl<'m> Distributor<'m> {
    /// Bits to lend for a patch and this many receivers, in bytes.
    pub const fn bits_len(plan: &Plan, receivers: usize) -> usize {
        (plan.pieces.div_ceil(8) as usize).saturating_mul(receivers)
    }

    /// Without any receiver yet. There is room for as many as both slices are long enough for; what
    /// is in them does not matter.
    pub fn new(
        plan: Plan,
        patience: Patience,
        receivers: &'m mut [Receiver],
        bits: &'m mut [u8],
    ) -> Self {
        let most = match plan.pieces.div_ceil(8) as usize {
            0 => receivers.len(),
            each => bits.len().checked_div(each).unwrap_or(0),
        };
        let most = receivers.len().min(most);
        let receivers = receivers.get_mut(..most).unwrap_or_default();
        receivers.iter_mut().for_each(|receiver| *receiver = Receiver::default());
        Self {
            plan,
            patience,
            receivers,
            bits,
            phase: Phase::Header,
            question: 1,
            cursor: 0,
            level: u32::MAX,
            next_level: 0,
            waits: WAITS,
        }
    }

    /// Adds a receiver; it is one already, or there is no room: false. Receivers that send a status
    /// are added by that.
    pub fn add(&mut self, address: u32, now: Duration) -> bool {
        self.find(address).is_none() && self.enter(address, now).is_some()
    }

    /// A receiver has been heard of in another way than by a status: it is added, if there is room,
    /// and goes on if it had vanished.
    #[cfg(feature = "group")]
    pub(crate) fn heard(&mut self, address: u32, now: Duration) {
        let Some(index) = self.find(address) else {
            self.enter(address, now);
            return;
        };
        if let Some(receiver) = self.receivers.get_mut(index) {
            receiver.heard = now;
            if receiver.stage == Stage::Vanished {
                (receiver.stage, receiver.answered) = (Stage::Header, false);
                if self.phase == Phase::Done {
                    self.phase = Phase::Header;
                }
            }
        }
    }

    /// The receivers, and how far each has come.
    pub fn receivers(&self) -> impl Iterator<Item = &Receiver> + '_ {
        self.receivers.iter().filter(|receiver| receiver.stage != Stage::Free)
    }

    /// What to do next: call it again and again, as fast as the network takes it.
    pub fn next(&mut self, now: Duration) -> Action {
        // Every turn ends in an action, or in a later phase of the round.
        loop {
            match self.phase {
                Phase::Header => {
                    self.start_table();
                    if let Some(to) = self.send_header() {
                        return Action::Header { to };
                    }
                }
                Phase::Table | Phase::Chunks => match self.choose() {
                    Some((pieces, to)) => return Action::Send { pieces, to },
                    None if self.phase == Phase::Table && !self.waits_for_tables() => {
                        self.phase = Phase::Chunks;
                        self.start_pass(self.plan.table_pieces);
                    }
                    None => self.phase = Phase::Ask { attempt: 0, receiver: 0 },
                },
                Phase::Ask { attempt, receiver } => match self.ask(attempt, receiver, now) {
                    Some(to) => return Action::Ask { to, question: self.question },
                    None => self.phase = Phase::Wait { attempt, until: self.until(now) },
                },
                Phase::Wait { attempt, until } => {
                    let waits = self.receivers.iter().any(|receiver| receiver.is_silent());
                    if waits && now < until {
                        return Action::Wait { until };
                    }
                    let attempt = attempt.saturating_add(1);
                    self.give_up(now);
                    self.phase = if waits && attempt < self.patience.questions {
                        Phase::Ask { attempt, receiver: 0 }
                    } else {
                        self.end_round()
                    };
                }
                Phase::Done => return Action::Done,
            }
        }
    }

    /// Takes a status. One of a receiver that is not known adds it, if there is room.
    pub fn status(&mut self, address: u32, status: &Status<'_>, now: Duration) {
        let known = self.find(address);
        let Some(index) = known.or_else(|| self.enter(address, now)) else { return };
        let asks = matches!(self.phase, Phase::Ask { .. } | Phase::Wait { .. });
        let is_current = asks && status.question == self.question;
        let is_this = status.patch == self.plan.patch && status.pieces == self.plan.pieces;
        let plan = self.plan;
        let Some((receiver, bits)) = self.parts(index) else { return };
        receiver.heard = now;
        match receiver.stage {
            Stage::GivenUp | Stage::Free => return,
            Stage::Vanished => {
                receiver.stage = Stage::Header;
                receiver.answered = false;
            }
            Stage::Complete => {
                // It may have lost something since: flash rots. A stale answer says nothing.
                let is_new = is_current || status.question == 0;
                if is_this && status.is_complete() || !is_new {
                    return;
                }
                receiver.stage = Stage::Header;
                receiver.answered = false;
            }
            _ => {}
        }
        if is_current && !receiver.answered {
            receiver.answered = true;
            let lacked = receiver.lacks;
            if is_this {
                status.for_each(|piece, held| bits::put(bits, piece, held));
                let table = bits::missing(bits, plan.table_pieces);
                receiver.lacks = bits::missing(bits, plan.pieces);
                receiver.stage = match (table, receiver.lacks) {
                    (_, 0) => Stage::Complete,
                    (0, _) => Stage::Chunks,
                    _ => Stage::Table,
                };
            } else {
                bits.iter_mut().for_each(|byte| *byte = 0);
                receiver.stage = Stage::Header;
                receiver.lacks = plan.pieces.saturating_add(1);
            }
            if receiver.lacks < lacked {
                receiver.vain = 0;
            }
        }
        if self.phase == Phase::Done && self.is_at_work() {
            self.phase = Phase::Header;
        }
    }

    fn find(&self, address: u32) -> Option<usize> {
        let is_it = |it: &Receiver| it.stage != Stage::Free && it.address == address;
        self.receivers.iter().position(is_it)
    }

    fn enter(&mut self, address: u32, now: Duration) -> Option<usize> {
        let index = self.receivers.iter().position(|it| it.stage == Stage::Free)?;
        let lacks = self.plan.pieces.saturating_add(1);
        let (receiver, bits) = self.parts(index)?;
        *receiver =
            Receiver { address, stage: Stage::Header, heard: now, lacks, ..Receiver::default() };
        bits.iter_mut().for_each(|byte| *byte = 0);
        if self.phase == Phase::Done {
            self.phase = Phase::Header;
        }
        Some(index)
    }

    /// A receiver and its bits.
    fn parts(&mut self, index: usize) -> Option<(&mut Receiver, &mut [u8])> {
        let each = self.plan.pieces.div_ceil(8) as usize;
        let start = each.checked_mul(index)?;
        let bits = self.bits.get_mut(start..start.checked_add(each)?)?;
        Some((self.receivers.get_mut(index)?, bits))
    }

    /// The receivers that are sent pieces of this phase, with their bits.
    fn served(&mut self) -> impl Iterator<Item = (&mut Receiver, &mut [u8])> {
        let each = (self.plan.pieces.div_ceil(8) as usize).max(1);
        let stage = if self.phase == Phase::Table { Stage::Table } else { Stage::Chunks };
        let all = self.receivers.iter_mut().zip(self.bits.chunks_mut(each));
        all.filter(move |(receiver, _)| receiver.stage == stage)
    }

    fn is_at_work(&self) -> bool {
        self.receivers.iter().any(|receiver| receiver.is_at_work())
    }

    fn until(&self, now: Duration) -> Duration {
        now.saturating_add(self.patience.answer)
    }

    fn start_table(&mut self) {
        self.phase = Phase::Table;
        self.start_pass(0);
    }

    /// Whether somebody lacks the table, and that is still worth waiting for.
    fn waits_for_tables(&mut self) -> bool {
        let mut early = self.receivers.iter().filter(|it| it.is_at_work());
        let waits = self.waits > 0 && early.any(|it| it.stage != Stage::Chunks);
        self.waits = if waits { self.waits.wrapping_sub(1) } else { 0 };
        waits
    }

    fn start_pass(&mut self, from: u32) {
        (self.cursor, self.level, self.next_level) = (from, u32::MAX, 0);
    }

    /// Whom the header is sent to, if there is somebody who lacks it.
    fn send_header(&mut self) -> Option<To> {
        let mut to = None;
        for receiver in self.receivers.iter_mut().filter(|it| it.stage == Stage::Header) {
            // It is supposed to arrive; the table follows at once.
            receiver.stage = Stage::Table;
            receiver.sent = receiver.sent.saturating_add(1);
            to = Some(if to.is_none() { To::One(receiver.address) } else { To::All });
        }
        to
    }

    /// The next pieces that somebody lacks: what most do first.
    fn choose(&mut self) -> Option<(Pieces, To)> {
        let (start, end) = match self.phase {
            Phase::Table => (0, self.plan.table_pieces),
            _ => (self.plan.table_pieces, self.plan.pieces),
        };
        loop {
            while self.cursor < end {
                let piece = self.cursor;
                let lack = self.served().filter(|(_, held)| !bits::has(held, piece)).count() as u32;
                if lack > 0 && lack >= self.level {
                    return Some(self.send(piece, lack, (start, end)));
                }
                self.next_level = self.next_level.max(lack);
                self.cursor = piece.wrapping_add(1);
            }
            if self.next_level == 0 {
                return None;
            }
            (self.cursor, self.level, self.next_level) = (start, self.next_level, 0);
        }
    }

    /// Sends a piece that `lack` receivers lack, with others that help more of them; supposes that
    /// it arrives.
    fn send(&mut self, piece: u32, lack: u32, (start, end): (u32, u32)) -> (Pieces, To) {
        let mut pieces = Pieces::one(piece);
        let mut all = 0u32;
        for (receiver, held) in self.served() {
            receiver.lacks_of_sent = u8::from(!bits::has(held, piece));
            all = all.saturating_add(1);
        }
        // If all lack it, no other one helps any more of them.
        while lack < all && pieces.numbers().len() < MOST_COMBINED {
            let mut best = (0, 0);
            for other in start..end {
                let gain = self.gain(other);
                if gain > best.0 {
                    best = (gain, other);
                }
            }
            if best.0 == 0 {
                break;
            }
            self.combine(&mut pieces, best.1);
        }
        let mut to = None;
        for (receiver, held) in self.served().filter(|(receiver, _)| receiver.lacks_of_sent == 1) {
            for piece in pieces.numbers() {
                bits::put(held, *piece, true);
            }
            receiver.sent = receiver.sent.saturating_add(1);
            to = Some(if to.is_none() { To::One(receiver.address) } else { To::All });
        }
        (pieces, to.unwrap_or(To::All))
    }

    /// How many more receivers another piece helps than it hinders: those that lack exactly one of
    /// all are helped. One that is among them already never helps.
    fn gain(&mut self, other: u32) -> u32 {
        let (mut helped, mut hindered) = (0u32, 0u32);
        for (receiver, _) in self.served().filter(|(_, held)| !bits::has(held, other)) {
            match receiver.lacks_of_sent {
                0 => helped = helped.saturating_add(1),
                1 => hindered = hindered.saturating_add(1),
                _ => {}
            }
        }
        helped.saturating_sub(hindered)
    }

    fn combine(&mut self, pieces: &mut Pieces, other: u32) {
        for (receiver, _) in self.served().filter(|(_, held)| !bits::has(held, other)) {
            receiver.lacks_of_sent = receiver.lacks_of_sent.saturating_add(1);
        }
        pieces.push(other);
    }

    /// Whom the question is put to: to all, or again to those that have not answered, from
    /// `receiver` on.
    fn ask(&mut self, attempt: u8, receiver: usize, now: Duration) -> Option<To> {
        if attempt == 0 {
            self.phase = Phase::Wait { attempt, until: self.until(now) };
            let mut asked = self.receivers.iter_mut().filter(|it| it.is_at_work());
            let first = asked.next()?;
            first.answered = false;
            let address = first.address;
            let others = asked.map(|receiver| receiver.answered = false).count();
            return Some(if others == 0 { To::One(address) } else { To::All });
        }
        let rest = self.receivers.iter().enumerate().skip(receiver);
        let (index, silent) = rest.into_iter().find(|(_, receiver)| receiver.is_silent())?;
        let address = silent.address;
        self.phase = Phase::Ask { attempt, receiver: index.wrapping_add(1) };
        Some(To::One(address))
    }

    /// Receivers that have been silent for long have vanished.
    fn give_up(&mut self, now: Duration) {
        let vanished = self.patience.vanished;
        for receiver in self.receivers.iter_mut().filter(|receiver| receiver.is_silent()) {
            if now.saturating_sub(receiver.heard) >= vanished {
                receiver.stage = Stage::Vanished;
            }
        }
    }

    /// The round is over: gives up who does not get on.
    fn end_round(&mut self) -> Phase {
        let most = self.plan.pieces.saturating_add(16).saturating_mul(16);
        for receiver in self.receivers.iter_mut().filter(|receiver| receiver.is_at_work()) {
            // Who is silent may soon be heard again, or have vanished, which is told by the time.
            // But somebody may be heard and never answer.
            receiver.vain = receiver.vain.saturating_add(if receiver.answered { 4 } else { 1 });
            if !receiver.answered && receiver.lacks > self.plan.pieces {
                // It was only supposed to have the header.
                receiver.stage = Stage::Header;
            }
            if receiver.vain / 4 > self.patience.rounds.into() || receiver.sent > most {
                receiver.stage = Stage::GivenUp;
            }
        }
        self.question = self.question.wrapping_add(1).max(1);
        if self.is_at_work() {
            Phase::Header
        } else {
            Phase::Done
        }
    }
}
