//! What of a node survives a reset.

use super::decision::{read_known, Ballots, Decision, Round, Stage};
use super::target::Target;
use super::wire::{Reader, Writer};
use crate::device::nor::{Flash, Records, SlotError};

/// The version of the layout.
const VERSION: u8 = 1;

/// Bytes of the record of a [`Node`](super::Node).
pub const RECORD_LEN: usize = 1 + 8 + 2 + 8 + Ballots::LEN + 1 + 1 + 1 + Target::LEN;

/// A record that survives resets and is replaced as a whole: whenever the power is cut, the one
/// that was written last is there, or the one before.
///
/// [`Records`] in flash are this: two sectors, or two groups of them, with room for
/// [`RECORD_LEN`] and 16 bytes each.
pub trait NodeRecord {
    /// The error type.
    type Error;

    /// Reads the record; false if there is none. One of another length is all zeros.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn read(&mut self, bytes: &mut [u8; RECORD_LEN]) -> Result<bool, Self::Error>;

    /// Replaces the record. When this returns, the new one survives.
    ///
    /// # Errors
    ///
    /// If it cannot be written. The record before may be there, or the new one.
    fn write(&mut self, bytes: &[u8; RECORD_LEN]) -> Result<(), Self::Error>;
}

impl<F: Flash, B: AsMut<[u8]>> NodeRecord for Records<F, B> {
    type Error = SlotError<F::Error>;

    fn read(&mut self, bytes: &mut [u8; RECORD_LEN]) -> Result<bool, Self::Error> {
        match self.len() {
            None => Ok(false),
            Some(len) if len == RECORD_LEN as u32 => Self::read(self, 0, bytes).map(|()| true),
            // There is one, of another version.
            Some(_) => {
                *bytes = [0; RECORD_LEN];
                Ok(true)
            }
        }
    }

    fn write(&mut self, bytes: &[u8; RECORD_LEN]) -> Result<(), Self::Error> {
        self.write_parts(&[bytes])
    }
}

impl<R: NodeRecord + ?Sized> NodeRecord for &mut R {
    type Error = R::Error;

    fn read(&mut self, bytes: &mut [u8; RECORD_LEN]) -> Result<bool, Self::Error> {
        (**self).read(bytes)
    }

    fn write(&mut self, bytes: &[u8; RECORD_LEN]) -> Result<(), Self::Error> {
        (**self).write(bytes)
    }
}

/// What a node has to know after a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct State {
    /// 0: it has never been part of one.
    pub(super) campaign: u64,
    /// Nodes of the group.
    pub(super) nodes: u16,
    /// No lower epoch is followed.
    pub(super) promised: u64,
    pub(super) ballots: Ballots,
    pub(super) known: Option<Decision>,
    pub(super) stage: Stage,
    /// How many times the new image was started.
    pub(super) attempts: u8,
    pub(super) target: Target,
}

impl State {
    pub(super) fn bytes(&self) -> [u8; RECORD_LEN] {
        let mut bytes = [0; RECORD_LEN];
        let mut writer = Writer::new(&mut bytes);
        writer.put(&[VERSION]);
        writer.put(&self.campaign.to_le_bytes());
        writer.put(&self.nodes.to_le_bytes());
        writer.put(&self.promised.to_le_bytes());
        self.ballots.write(&mut writer);
        let known = self.known.map_or(0, Decision::number);
        writer.put(&[known, self.stage.number(), self.attempts]);
        self.target.write(&mut writer);
        bytes
    }

    pub(super) fn of(bytes: &[u8; RECORD_LEN]) -> Option<Self> {
        let mut from = Reader(bytes);
        if from.u8()? != VERSION {
            return None;
        }
        Some(Self {
            campaign: from.u64()?,
            nodes: from.u16()?,
            promised: from.u64()?,
            ballots: Ballots::read(&mut from)?,
            known: read_known(&mut from)?,
            stage: Stage::from_number(from.u8()?)?,
            attempts: from.u8()?,
            target: Target::read(&mut from)?,
        })
    }

    /// Whether the group could still decide, or have decided, to start the new image, as far as
    /// this node can tell from what it has accepted.
    pub(super) fn is_bound(&self) -> bool {
        let accepted = self.ballots.of(Round::Start);
        accepted.is_some_and(|accepted| accepted.decision == Decision::Commit)
    }
}
