//! How often somebody may ask.

use core::num::NonZeroU32;
use core::time::Duration;
use std::time::Instant;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

use crate::Error;

/// How often somebody may ask: this many times a minute, and all of them at once.
pub(crate) struct Limiter {
    limiter: Option<DefaultKeyedRateLimiter<String>>,
    swept: std::sync::Mutex<Instant>,
}

/// How often those are forgotten that have not asked for long.
const SWEEP: Duration = Duration::from_secs(60);

impl Limiter {
    /// 0: any number.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self::of(NonZeroU32::new(per_minute).map(Quota::per_minute))
    }

    /// For guesses: this many at once, and then one a minute.
    pub(crate) fn of_guesses(at_once: u32) -> Self {
        let quota = NonZeroU32::new(at_once);
        Self::of(quota.map(|at_once| Quota::per_minute(NonZeroU32::MIN).allow_burst(at_once)))
    }

    fn of(quota: Option<Quota>) -> Self {
        Self { limiter: quota.map(DefaultKeyedRateLimiter::keyed), swept: Instant::now().into() }
    }

    /// Counts a request of this one.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`].
    pub(crate) fn take(&self, who: &str) -> Result<(), Error> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        self.sweep(limiter);
        limiter.check_key(&who.to_owned()).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Error::TooMany { retry_after: u32::try_from(wait.as_secs()).unwrap_or(60).max(1) }
        })
    }

    fn sweep(&self, limiter: &DefaultKeyedRateLimiter<String>) {
        let Ok(mut swept) = self.swept.try_lock() else { return };
        if swept.elapsed() > SWEEP {
            *swept = Instant::now();
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_limit_of_its_own() {
        let limiter = Limiter::new(3);
        for _ in 0..3 {
            limiter.take("a").unwrap();
        }
        assert!(matches!(limiter.take("a"), Err(Error::TooMany { retry_after: 1..=60 })));
        limiter.take("b").unwrap();
        let guesses = Limiter::of_guesses(2);
        assert!(guesses.take("a").is_ok() && guesses.take("a").is_ok());
        assert!(matches!(guesses.take("a"), Err(Error::TooMany { retry_after: 50..=60 })));
        let none = Limiter::new(0);
        assert!((0..1000).all(|_| none.take("a").is_ok()));
    }
}
