//! What the distributor says to do.

use core::time::Duration;

/// Most pieces that are sent as one: see [`Pieces`].
pub const MOST_COMBINED: usize = 8;

/// To whom.
#[allow(clippy::exhaustive_enums)] // There is nothing between.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum To {
    /// To all, at once.
    All,
    /// To the receiver with this address.
    One(u32),
}

/// One piece, or several sent as one.
///
/// Several are the exclusive or of their bytes, as long as the longest of them; shorter ones count
/// as followed by zeros. A receiver that has all but one of them has that one, too: so one
/// transmission repairs what many receivers lack, although each lacks another piece. It is checked
/// as any other before it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pieces {
    numbers: [u32; MOST_COMBINED],
    len: u8,
}

impl Pieces {
    /// One piece.
    pub fn one(piece: u32) -> Self {
        Self { numbers: [piece; MOST_COMBINED], len: 1 }
    }

    /// Their numbers, 1 to [`MOST_COMBINED`] of them: those of the chunk table come first, and then
    /// the chunks.
    pub fn numbers(&self) -> &[u32] {
        self.numbers.get(..self.len.into()).unwrap_or_default()
    }

    pub(super) fn push(&mut self, piece: u32) {
        if let Some(place) = self.numbers.get_mut(usize::from(self.len)) {
            *place = piece;
            self.len = self.len.wrapping_add(1);
        }
    }
}

/// What to do next.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send the header of the patch with its signatures.
    Header {
        /// To whom.
        to: To,
    },
    /// Send pieces.
    Send {
        /// Which.
        pieces: Pieces,
        /// To whom.
        to: To,
    },
    /// Ask what is missing. The answer is a [`Status`](super::Status) with the number of this
    /// question.
    Ask {
        /// Whom.
        to: To,
        /// Its number.
        question: u16,
    },
    /// Nothing to do until an answer comes, or this time.
    Wait {
        /// When to call again.
        until: Duration,
    },
    /// Every receiver has all, or is given up: see
    /// [`Distributor::receivers`](super::Distributor::receivers).
    Done,
}
