//! When a roll-out stops by itself, and when a device that failed is asked again.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Limits of a product's roll-outs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// A roll-out stops when more of the devices that reported than this have failed, in percent.
    pub(crate) failure_percent: f64,
    /// That counts from this many reports on.
    pub(crate) after_reports: u32,
    /// Seconds until a device that failed is offered the release again; each further failure
    /// doubles them, up to a day.
    pub(crate) retry_seconds: u32,
    /// The failures after which a device is not offered the release any more.
    pub(crate) most_failures: u32,
    /// Downloads that a device may begin from the start without a word of what came of them; one
    /// more counts as a failure. 0: any number.
    pub(crate) most_starts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            failure_percent: 20.0,
            after_reports: 5,
            retry_seconds: 900,
            most_failures: 5,
            most_starts: 10,
        }
    }
}

const DAY: u64 = 24 * 60 * 60;

impl Limits {
    pub(super) fn check(&self) -> Result<(), Error> {
        match (0.0..=100.0).contains(&self.failure_percent) {
            true => Ok(()),
            false => {
                let found = self.failure_percent.to_string();
                Err(Error::bad("failure_percent", found, "0 to 100"))
            }
        }
    }

    /// Milliseconds to wait after this many failures.
    pub(crate) fn pause(&self, failures: i64) -> i64 {
        let doubled = failures.saturating_sub(1).clamp(0, 20);
        let seconds =
            (u64::from(self.retry_seconds) << doubled).min(DAY.max(self.retry_seconds.into()));
        i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
    }

    /// Whether a roll-out with these results is to stop.
    pub(crate) fn is_exceeded(&self, succeeded: i64, failed: i64) -> bool {
        let all = succeeded + failed;
        all >= i64::from(self.after_reports)
            && failed as f64 * 100.0 > self.failure_percent * all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_day() {
        let limits = Limits::default();
        let minutes = |failures| limits.pause(failures) / 60_000;
        assert_eq!([0, 1, 2, 3, 8, 1000].map(minutes), [15, 15, 30, 60, 1440, 1440]);
        let week = Limits { retry_seconds: 7 * 86400, ..Limits::default() };
        assert_eq!(week.pause(9), 7 * 86_400_000);
    }

    #[test]
    fn a_few_reports_stop_nothing() {
        let limits = Limits { failure_percent: 20.0, after_reports: 5, ..Limits::default() };
        assert!(!limits.is_exceeded(0, 4));
        assert!(limits.is_exceeded(0, 5));
        assert!(!limits.is_exceeded(8, 2));
        assert!(limits.is_exceeded(7, 2));
    }
}
