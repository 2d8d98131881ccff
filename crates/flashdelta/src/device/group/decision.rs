//! What a group decides, and how far a node has come.

use super::target::Refusal;
use super::wire::{Reader, Writer};

/// What a group decides: first about the start of the new image, then about its stay.
#[allow(clippy::exhaustive_enums)] // There is nothing between.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Decision {
    /// The old image stays. Final.
    Abort,
    /// The new image is started.
    Commit,
    /// The new image stays. Final.
    Keep,
    /// All go back to the old image. Final.
    Revert,
}

impl Decision {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Abort => 1,
            Self::Commit => 2,
            Self::Keep => 3,
            Self::Revert => 4,
        }
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Abort,
            2 => Self::Commit,
            3 => Self::Keep,
            4 => Self::Revert,
            _ => return None,
        })
    }

    /// Whether no other decision follows it.
    pub fn is_final(self) -> bool {
        self != Self::Commit
    }

    pub(super) fn round(self) -> Round {
        match self {
            Self::Abort | Self::Commit => Round::Start,
            Self::Keep | Self::Revert => Round::Stay,
        }
    }
}

/// What a decision is about. The second one takes for granted that the first was to commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Round {
    Start,
    Stay,
}

/// What a node has accepted of a coordinator, and its epoch.
#[allow(clippy::exhaustive_structs)] // There is nothing more to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// The epoch in which it was proposed.
    pub epoch: u64,
    /// What was proposed.
    pub decision: Decision,
}

/// For each round, what a node has accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Ballots {
    start: Option<Accepted>,
    stay: Option<Accepted>,
}

impl Ballots {
    /// Bytes of them, as they travel and are kept.
    pub(super) const LEN: usize = 18;

    pub(super) fn of(&self, round: Round) -> Option<Accepted> {
        match round {
            Round::Start => self.start,
            Round::Stay => self.stay,
        }
    }

    pub(super) fn accept(&mut self, epoch: u64, decision: Decision) {
        let accepted = Some(Accepted { epoch, decision });
        match decision.round() {
            Round::Start => self.start = accepted,
            Round::Stay => self.stay = accepted,
        }
    }

    pub(super) fn write(&self, out: &mut Writer<'_>) {
        for accepted in [self.start, self.stay] {
            out.put(&accepted.map_or(0, |accepted| accepted.epoch).to_le_bytes());
            out.put(&[accepted.map_or(0, |accepted| accepted.decision.number())]);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut one = |round| {
            let (epoch, number) = (from.u64()?, from.u8()?);
            if number == 0 {
                return (epoch == 0).then_some(None);
            }
            let decision = Decision::from_number(number)?;
            (decision.round() == round).then_some(Some(Accepted { epoch, decision }))
        };
        Some(Self { start: one(Round::Start)?, stay: one(Round::Stay)? })
    }
}

/// A decision that may not have been made yet, as a byte.
pub(super) fn read_known(from: &mut Reader<'_>) -> Option<Option<Decision>> {
    match from.u8()? {
        0 => Some(None),
        number => Decision::from_number(number).map(Some),
    }
}

/// How far a node has come in a campaign. It survives a reset.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Stage {
    /// It has been asked for what it is, and for nothing else.
    #[default]
    Idle,
    /// It is to get into a safe state.
    Preparing,
    /// It is in a safe state, and receives and applies the patch.
    Receiving,
    /// The new image is in its slot, and its digest is right.
    Verified,
    /// It has taken back what was prepared: it waited in vain, or the group decided against the new
    /// image.
    Withdrawn,
    /// It does not take part.
    Refused(Refusal),
    /// It starts the new image, or runs it on trial.
    Activating,
    /// It runs the new image, which has reported that it is healthy.
    Healthy,
    /// The new image did not report in its time, as often as it was tried. The old one runs.
    Failed,
}

/// Numbers of refusals follow this one.
const REFUSED: u8 = 16;

impl Stage {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Idle => 0,
            Self::Preparing => 1,
            Self::Receiving => 2,
            Self::Verified => 3,
            Self::Withdrawn => 4,
            Self::Activating => 5,
            Self::Healthy => 6,
            Self::Failed => 7,
            Self::Refused(refusal) => REFUSED | refusal.number(),
        }
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Idle,
            1 => Self::Preparing,
            2 => Self::Receiving,
            3 => Self::Verified,
            4 => Self::Withdrawn,
            5 => Self::Activating,
            6 => Self::Healthy,
            7 => Self::Failed,
            _ => Self::Refused(Refusal::from_number(number.checked_sub(REFUSED)?)?),
        })
    }

    /// Whether something is prepared that is taken back when no go-ahead comes.
    pub(super) fn waits(self) -> bool {
        matches!(self, Self::Preparing | Self::Receiving | Self::Verified)
    }
}
