//! Why a plan is what it is.

use core::fmt;

use serde::Serialize;

use crate::rules::Share;
use crate::{Name, Version};

/// Why a plan is what it is. `Display` says it for people, JSON has a `reason` and fields.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Reason {
    /// The device does not say what it holds.
    NoDigest,
    /// No release has the image that the device says it holds.
    UnknownImage { component: Option<Name> },
    /// A condition does not hold.
    NoMatch { rule: Name },
    /// It is not known whether a condition holds.
    ConditionFailed { rule: Name, message: String },
    /// The rule waits.
    Paused { rule: Name },
    /// The roll-out has not come to the device.
    NotInShare { rule: Name, share: Share, place: Share },
    /// The release is for other hardware.
    OtherHardware { rule: Name, release: Version, hardware: u16 },
    /// The release is blocked.
    Blocked { rule: Name, release: Version, why: String },
    /// The rule that counts.
    Assigned { rule: Name, release: Version },
    /// No rule gives the device a release.
    NoAssignment,
    /// The device holds the release.
    UpToDate { release: Version },
    /// The device runs a later version, and the rule does not take it back.
    Later { rule: Name, running: Version, release: Version },
    /// The device is further on than the release.
    SecurityCounter { release: Version, counter: u32, device: u32 },
    /// No window of the device is open.
    OutsideWindow { rule: Name, opens: i64, clock: String },
    /// The applier of the device reads no patch that is made here.
    NoApplier,
    /// No patch can be made for the applier of the device.
    TooSmall { component: Name, release: Version },
    /// Devices go through this release.
    SteppingStone { rule: Name, through: Version },
    /// A step is larger than the link may carry.
    LinkLimit { link: Name, limit: u64, needed: u64 },
    /// No way leads to the release.
    NoWay { release: Version },
    /// A way of several steps is cheaper than the direct one.
    Cheaper { bytes: u64, direct: u64 },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDigest => f.write_str("the device does not say what it holds"),
            Self::UnknownImage { component: None } => {
                f.write_str("no release has the image that the device says it holds")
            }
            Self::UnknownImage { component: Some(component) } => {
                write!(f, "no release has the image that the device says it holds for {component}")
            }
            Self::NoMatch { rule } => write!(f, "rule {rule}: its condition does not hold"),
            Self::ConditionFailed { rule, message } => {
                write!(f, "rule {rule}: its condition cannot be evaluated: {message}")
            }
            Self::Paused { rule } => write!(f, "rule {rule}: it is paused"),
            Self::NotInShare { rule, share, place } => write!(
                f,
                "rule {rule}: it has come to {share} of its devices, and this one is at {place}"
            ),
            Self::OtherHardware { rule, release, hardware } => {
                write!(f, "rule {rule}: release {release} is not for hardware revision {hardware}")
            }
            Self::Blocked { rule, release, why } if why.is_empty() => {
                write!(f, "release {release} is blocked by rule {rule}")
            }
            Self::Blocked { rule, release, why } => {
                write!(f, "release {release} is blocked by rule {rule}: {why}")
            }
            Self::Assigned { rule, release } => write!(f, "rule {rule}: release {release}"),
            Self::NoAssignment => f.write_str("not offered: no rule gives the device a release"),
            Self::UpToDate { release } => write!(f, "the device holds release {release}"),
            Self::Later { rule, running, release } => write!(
                f,
                "not offered: the device runs {running}, and rule {rule} does not take it back to \
                 {release}"
            ),
            Self::SecurityCounter { release, counter, device } => write!(
                f,
                "not offered: release {release} has the security counter {counter}, and the device \
                 takes {device} or more"
            ),
            Self::OutsideWindow { clock, .. } => {
                write!(f, "not offered: outside its window until {clock}")
            }
            Self::NoApplier => write!(
                f,
                "the device reads no patches of format {}: it gets files as they are",
                crate::catalogue::Applier::FORMAT
            ),
            Self::TooSmall { component, release } => write!(
                f,
                "no patch to {component} of release {release} can be made for the applier of the \
                 device"
            ),
            Self::SteppingStone { rule, through } => {
                write!(f, "by way of {through}, because of rule {rule}")
            }
            Self::LinkLimit { link, limit, needed } => write!(
                f,
                "not offered: the link {link} carries {limit} bytes in one step, and the cheapest \
                 way has a step of {needed}"
            ),
            Self::NoWay { release } => {
                write!(f, "not offered: no permitted way leads to release {release}")
            }
            Self::Cheaper { bytes, direct } => {
                write!(f, "several steps of {bytes} bytes in place of one of {direct}")
            }
        }
    }
}
