//! What keeps workers from working: a store or a database that does not answer, a command that does
//! not sign. No clock: times come in.

use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The trouble of all workers of a process: they share what they need.
#[derive(Default)]
pub(crate) struct Trouble(Mutex<Option<Now>>);

struct Now {
    error: String,
    wait: Duration,
    until: Instant,
}

/// Times to wait: doubled from the one to the other.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

impl Trouble {
    /// Something has failed. Gives for how long to wait, and whether it is another trouble than
    /// before.
    pub(super) fn failed(&self, error: &str, now: Instant) -> (Duration, bool) {
        let mut trouble = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = trouble.as_ref().is_none_or(|before| before.error != error);
        let (wait, until) = match &*trouble {
            // Another worker has met it just now.
            Some(before) if now < before.until => (before.wait, before.until),
            Some(before) => {
                let wait = (before.wait * 2).min(LONGEST);
                (wait, now + wait)
            }
            None => (FIRST, now + FIRST),
        };
        *trouble = Some(Now { error: error.to_owned(), wait, until });
        (until - now, is_new)
    }

    /// All has worked; true: it did not before.
    pub(super) fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_double_and_each_trouble_is_told_once() {
        let (trouble, mut now) = (Trouble::default(), Instant::now());
        assert!(!trouble.is_over());
        let mut waits = Vec::new();
        for round in 0..9 {
            let (wait, is_new) = trouble.failed("no signature", now);
            assert_eq!(is_new, round == 0);
            // A second worker waits for the same moment, and doubles nothing.
            let half = now + wait / 2;
            assert_eq!(trouble.failed("no signature", half), (wait - wait / 2, false));
            waits.push(wait.as_secs());
            now += wait;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(trouble.failed("no store", now).1);
        assert!(trouble.is_over() && !trouble.is_over());
        assert_eq!(trouble.failed("no store", now), (FIRST, true));
    }
}
