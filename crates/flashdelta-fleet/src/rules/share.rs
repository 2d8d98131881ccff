//! The part of the devices that a release has come to.

use core::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::catalogue::CatalogueError;
use crate::Name;

/// A part of all devices, in hundredths of a percent. In JSON it is a number of percent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Share(u16);

impl Share {
    /// All devices.
    pub const ALL: Self = Self(10_000);
    /// None of them.
    pub const NONE: Self = Self(0);

    /// This many hundredths of a percent, 0 to 10,000.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::BadField`].
    pub fn of_hundredths(hundredths: u16) -> Result<Self, CatalogueError> {
        match hundredths <= Self::ALL.0 {
            true => Ok(Self(hundredths)),
            false => Err(bad(f64::from(hundredths) / 100.0)),
        }
    }

    /// This many percent, 0 to 100, to the nearest hundredth.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::BadField`].
    pub fn of_percent(percent: f64) -> Result<Self, CatalogueError> {
        match (0.0..=100.0).contains(&percent) {
            true => Ok(Self((percent * 100.0).round() as u16)),
            false => Err(bad(percent)),
        }
    }

    /// Where a device is in the order of a rule, 0 to below 10,000 hundredths. It is the same
    /// forever, and has nothing to do with where it is for other rules.
    pub fn place(rule: &Name, device: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"flashdelta share\0");
        // Lengths in front: no two pairs give the same bytes.
        hash.update((rule.len() as u64).to_le_bytes());
        hash.update(rule.as_bytes());
        hash.update(device.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        Self((number % u64::from(Self::ALL.0)) as u16)
    }

    /// Whether a device at this [place](Self::place) belongs to it.
    pub fn has(self, place: Self) -> bool {
        place < self
    }
}

fn bad(percent: f64) -> CatalogueError {
    CatalogueError::BadField {
        what: "share",
        found: format!("{percent} %"),
        expected: "0 to 100 %".to_owned(),
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 100.0)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 100 {
            0 => serializer.serialize_u16(self.0 / 100),
            _ => serializer.serialize_f64(f64::from(self.0) / 100.0),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of_percent(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn places_never_change() {
        // Written down once: a device that has been given a release keeps its place.
        let places =
            ["heron-1", "heron-2", "heron-3"].map(|device| Share::place(&name("stable"), device).0);
        assert_eq!(places, PLACES);
        assert_ne!(Share::place(&name("beta"), "heron-1").0, PLACES[0]);
    }

    /// Computed by another program.
    const PLACES: [u16; 3] = [648, 9358, 3334];

    #[test]
    fn a_share_has_its_part_of_the_devices_and_grows() {
        let places: Vec<Share> =
            (0..20_000).map(|n| Share::place(&name("stable"), &format!("device {n}"))).collect();
        let mut before = 0;
        for percent in [0.0, 0.5, 1.0, 10.0, 50.0, 99.0, 100.0] {
            let share = Share::of_percent(percent).unwrap();
            let found = places.iter().filter(|place| share.has(**place)).count();
            let expected = 200.0 * percent;
            assert!((found as f64 - expected).abs() < 250.0, "{percent}: {found}");
            // Those that were in it stay in it.
            assert!(found >= before);
            before = found;
        }
        assert_eq!(before, 20_000);
    }

    #[test]
    fn shares_are_percent_in_json() {
        for (json, hundredths) in [("0", 0), ("12.5", 1250), ("100", 10_000), ("0.01", 1)] {
            let share: Share = serde_json::from_str(json).unwrap();
            assert_eq!(share, Share::of_hundredths(hundredths).unwrap());
            assert_eq!(serde_json::to_string(&share).unwrap(), json);
        }
        for wrong in ["-1", "100.5", "null", "\"5\""] {
            assert!(serde_json::from_str::<Share>(wrong).is_err(), "{wrong}");
        }
        assert!(Share::of_percent(f64::NAN).is_err() && Share::of_hundredths(10_001).is_err());
        assert_eq!(Share::of_hundredths(1250).unwrap().to_string(), "12.5 %");
    }
}
