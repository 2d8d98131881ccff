//! A receiver as the distributor knows it.

use core::time::Duration;

/// How far a receiver has come.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Stage {
    /// It is no receiver, only room for one.
    #[default]
    Free,
    /// It lacks the header.
    Header,
    /// It lacks pieces of the chunk table.
    Table,
    /// It lacks chunks.
    Chunks,
    /// It has all.
    Complete,
    /// It has not been heard of for long. It goes on when it is heard of again.
    Vanished,
    /// It does not get on whatever it is sent.
    GivenUp,
}

/// A receiver as the [`Distributor`](super::Distributor) knows it: memory that is lent to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Receiver {
    pub(super) address: u32,
    pub(super) stage: Stage,
    pub(super) heard: Duration,
    /// It has answered the question of this round.
    pub(super) answered: bool,
    /// Pieces that it lacks, as it has said; one more if it lacks the header.
    pub(super) lacks: u32,
    /// Rounds in which it did not get on, in quarters.
    pub(super) vain: u16,
    /// What it was sent.
    pub(super) sent: u32,
    /// How many of the pieces that are about to be sent as one it lacks.
    pub(super) lacks_of_sent: u8,
}

impl Receiver {
    /// Its address, which means something to the sender only.
    pub fn address(&self) -> u32 {
        self.address
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Pieces that it lacks, as it has said when it was heard last; one more if it lacks the
    /// header.
    pub fn lacks(&self) -> u32 {
        self.lacks
    }

    /// When it was heard last.
    pub fn heard(&self) -> Duration {
        self.heard
    }

    /// Whether it is to be sent something, or asked.
    pub(super) fn is_at_work(&self) -> bool {
        matches!(self.stage, Stage::Header | Stage::Table | Stage::Chunks)
    }

    /// Whether it has not answered yet.
    pub(super) fn is_silent(&self) -> bool {
        self.is_at_work() && !self.answered
    }
}
