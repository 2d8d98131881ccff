//! Time windows.

use core::fmt;
use core::str::FromStr;
use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Condition;
use crate::catalogue::CatalogueError;
use crate::Name;

/// Devices for which there is a window get updates only while one of theirs is open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowRule {
    /// The id of the rule.
    pub id: Name,
    /// Which devices it is for.
    #[serde(default)]
    pub condition: Condition,
    /// When it is open.
    pub window: Window,
}

/// Hours of the day, on some days of the week.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// What the clock there is ahead of UTC: a fixed offset, without summer time.
    #[serde(default)]
    pub utc_offset: UtcOffset,
    /// The days on which it opens; empty: every day.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub days: BTreeSet<Weekday>,
    /// When it opens.
    pub from: ClockTime,
    /// When it closes: on the next day, if that is not later than it opens.
    pub until: ClockTime,
}

/// Minutes ahead of UTC, -14 to 14 hours. In JSON it is text such as `+01:00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct UtcOffset(i16);

/// Minutes since midnight. In JSON it is text such as `22:00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct ClockTime(u16);

/// A day of the week.
#[allow(missing_docs)]
#[allow(clippy::exhaustive_enums)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

const DAY: i64 = 86_400;

impl Window {
    /// Every day from one time of the clock to another, at this offset.
    pub fn new(utc_offset: UtcOffset, from: ClockTime, until: ClockTime) -> Self {
        Self { utc_offset, days: BTreeSet::new(), from, until }
    }

    /// On these days only.
    #[must_use]
    pub fn days(mut self, days: impl IntoIterator<Item = Weekday>) -> Self {
        self.days = days.into_iter().collect();
        self
    }

    /// Whether it is open at this time, in seconds since 1970 (UTC).
    pub fn is_open(&self, now: i64) -> bool {
        let today = self.local(now).div_euclid(DAY);
        [today.saturating_sub(1), today].into_iter().any(|day| {
            let opened = self.opens_on(day);
            let since = self.local(now).saturating_sub(opened);
            self.is_a_day(day) && (0..self.seconds()).contains(&since)
        })
    }

    /// When it opens next, after this time: seconds since 1970 (UTC).
    pub fn opens_after(&self, now: i64) -> i64 {
        let local = self.local(now);
        let today = local.div_euclid(DAY);
        let days = (0..=7).map(|ahead| today.saturating_add(ahead));
        let opens = days.filter(|day| self.is_a_day(*day)).map(|day| self.opens_on(day));
        // One of eight days in a row is one.
        let opens = opens.into_iter().find(|opens| *opens > local).unwrap_or(local);
        opens.saturating_sub(self.utc_offset.seconds())
    }

    /// What the clock there shows at this time: the hour, and the day as well if it is not that of
    /// `now`.
    pub fn clock(&self, at: i64, now: i64) -> String {
        let (at, now) = (self.local(at), self.local(now));
        let time = ClockTime((at.rem_euclid(DAY) / 60) as u16);
        match at.div_euclid(DAY) == now.div_euclid(DAY) {
            true => time.to_string(),
            false => format!("{} {time}", Weekday::of(at.div_euclid(DAY))),
        }
    }

    fn local(&self, at: i64) -> i64 {
        at.saturating_add(self.utc_offset.seconds())
    }

    fn is_a_day(&self, day: i64) -> bool {
        self.days.is_empty() || self.days.contains(&Weekday::of(day))
    }

    fn opens_on(&self, day: i64) -> i64 {
        day.saturating_mul(DAY).saturating_add(i64::from(self.from.0) * 60)
    }

    /// How long it is open.
    fn seconds(&self) -> i64 {
        let minutes = (i64::from(self.until.0) - i64::from(self.from.0)).rem_euclid(24 * 60);
        if minutes == 0 {
            DAY
        } else {
            minutes * 60
        }
    }
}

impl Weekday {
    const ALL: [Self; 7] =
        [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// Of a day since 1970, which began with a Thursday.
    fn of(day: i64) -> Self {
        let index = day.saturating_add(3).rem_euclid(7) as usize;
        Self::ALL.get(index).copied().unwrap_or(Self::Mon)
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl UtcOffset {
    fn seconds(self) -> i64 {
        i64::from(self.0) * 60
    }
}

/// `HH:MM`
fn minutes(text: &str, most: u16) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| is_number)
    };
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|minutes| *minutes < 60)?);
    Some(hours * 60 + minutes).filter(|sum| *sum <= most)
}

fn bad(what: &'static str, found: &str, expected: &str) -> CatalogueError {
    let found = format!("{:?}", found.chars().take(40).collect::<String>());
    CatalogueError::BadField { what, found, expected: expected.to_owned() }
}

impl FromStr for ClockTime {
    type Err = CatalogueError;

    fn from_str(text: &str) -> Result<Self, CatalogueError> {
        let minutes = minutes(text, 24 * 60 - 1);
        minutes.map(Self).ok_or_else(|| bad("time", text, "00:00 to 23:59"))
    }
}

impl FromStr for UtcOffset {
    type Err = CatalogueError;

    fn from_str(text: &str) -> Result<Self, CatalogueError> {
        let wrong = || bad("utc_offset", text, "-14:00 to +14:00");
        let (sign, rest) = match text.split_at_checked(1) {
            Some(("+", rest)) => (1, rest),
            Some(("-", rest)) => (-1, rest),
            _ => return Err(wrong()),
        };
        let minutes = minutes(rest, 14 * 60).and_then(|minutes| i16::try_from(minutes).ok());
        Ok(Self(sign * minutes.ok_or_else(wrong)?))
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{}", ClockTime(self.0.unsigned_abs()))
    }
}

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

as_text!(ClockTime);
as_text!(UtcOffset);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(json: &str) -> Window {
        serde_json::from_str(json).unwrap()
    }

    /// 2026-11-29 (a Sunday), 12:00 UTC.
    const NOON: i64 = 1_795_953_600;

    #[test]
    fn windows_open_and_close_by_the_clock_there() {
        let night = window(r#"{"utc_offset":"+01:00","from":"22:00","until":"06:00"}"#);
        for (hour, is_open) in
            [(0, false), (8, false), (9, true), (14, true), (16, true), (17, false)]
        {
            assert_eq!(night.is_open(NOON + hour * 3600), is_open, "{hour}");
        }
        assert!(!night.is_open(NOON + 9 * 3600 - 1) && night.is_open(NOON + 17 * 3600 - 1));
        assert_eq!(night.opens_after(NOON), NOON + 9 * 3600);
        assert_eq!(night.clock(night.opens_after(NOON), NOON), "22:00");
        let west = window(r#"{"utc_offset":"-05:30","from":"12:00","until":"12:00"}"#);
        assert!(west.is_open(NOON));
        assert_eq!(west.opens_after(NOON), NOON + 5 * 3600 + 1800);
    }

    #[test]
    fn a_window_belongs_to_the_day_on_which_it_opens() {
        let night = window(r#"{"days":["sat"],"from":"22:00","until":"06:00"}"#);
        // Sunday at 05:00 is still Saturday's.
        assert!(night.is_open(NOON - 7 * 3600) && !night.is_open(NOON - 6 * 3600));
        assert!(!night.is_open(NOON + 12 * 3600));
        assert_eq!(night.opens_after(NOON), NOON + 6 * DAY + 10 * 3600);
        assert_eq!(night.clock(night.opens_after(NOON), NOON), "Sat 22:00");
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for wrong in ["24:00", "1:00", "12:60", "12", "12:0", "+1:00", "ab:cd", ""] {
            assert!(wrong.parse::<ClockTime>().is_err(), "{wrong}");
        }
        for wrong in ["01:00", "+15:00", "+14:01", "+1", "", "é"] {
            assert!(wrong.parse::<UtcOffset>().is_err(), "{wrong}");
        }
        for right in ["+00:00", "-14:00", "+05:45"] {
            assert_eq!(right.parse::<UtcOffset>().unwrap().to_string(), right);
        }
    }

    proptest! {
        #[test]
        fn a_window_is_open_after_it_opens_and_not_before(
            offset in -840i16..=840, days in proptest::collection::btree_set(0usize..7, 0..7),
            from in 0u16..1440, until in 0u16..1440, now in -1_000_000i64..4_000_000_000,
        ) {
            let days = days.into_iter().map(|day| Weekday::ALL[day]);
            let window = Window::new(UtcOffset(offset), ClockTime(from), ClockTime(until));
            let window = window.days(days);
            let opens = window.opens_after(now);
            prop_assert!(opens > now && opens <= now + 7 * DAY);
            prop_assert!(window.is_open(opens));
            if !window.is_open(now) {
                // By looking at every minute.
                let first = (now..opens).step_by(60).find(|at| window.is_open(*at));
                prop_assert_eq!(first, None);
            }
        }

        #[test]
        fn times_far_away_do_no_harm(now in any::<i64>()) {
            let window = Window::new(UtcOffset(840), ClockTime(1), ClockTime(0));
            let _ = (window.is_open(now), window.opens_after(now), window.clock(now, 0));
        }
    }
}
