//! What is distributed, and how patiently.

use core::time::Duration;

use super::status::PatchId;

/// What is distributed.
#[allow(clippy::exhaustive_structs)] // It is put together by whoever has the patch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The patch.
    pub patch: PatchId,
    /// Pieces of its chunk table, which come first: nothing of the rest can be taken without.
    pub table_pieces: u32,
    /// All pieces: of the table, and then the chunks.
    pub pieces: u32,
}

/// How patient the distributor is.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// How long answers to a question are waited for before it is repeated: 1 second.
    pub answer: Duration,
    /// How many times a question is put in one round: 4.
    pub questions: u8,
    /// A receiver that was not heard of for so long has vanished: 60 seconds.
    pub vanished: Duration,
    /// A receiver that lacks no less after this many rounds is given up: 32. Rounds in which it did
    /// not answer count a quarter.
    pub rounds: u8,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(1),
            questions: 4,
            vanished: Duration::from_secs(60),
            rounds: 32,
        }
    }
}

impl Patience {
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

    /// Takes a receiver for vanished after this time.
    #[must_use]
    pub fn vanished(mut self, vanished: Duration) -> Self {
        self.vanished = vanished;
        self
    }

    /// Gives a receiver up after this many rounds in vain.
    #[must_use]
    pub fn rounds(mut self, rounds: u8) -> Self {
        self.rounds = rounds;
        self
    }
}
