//! Which devices get which release, when, and on which way.
//!
//! Conditions are expressions in [CEL](https://cel.dev), the Common Expression Language, of what a
//! device is:
//!
//! | variable | type | |
//! |---|---|---|
//! | `id`, `product`, `model`, `batch`, `serial` | string | as the device has them |
//! | `hardware`, `year` | int | revision, and year of making |
//! | `tags` | list of strings | in alphabetical order |
//! | `attributes` | map of strings | `attributes.region`, `"region" in attributes` |
//! | `link` | string | class of its link; empty if unknown |
//! | `version` | string | the release that it runs; empty if unknown |
//!
//! ```
//! use flashdelta_fleet::catalogue::Device;
//! use flashdelta_fleet::rules::{Condition, Facts};
//! use flashdelta_fleet::Name;
//!
//! let text = "year >= 2023 && batch in ['A', 'B'] && tags.exists(t, t == 'beta')";
//! let condition = Condition::new(text)?;
//! let mut device = Device::new("heron-17", Name::new("heron")?);
//! (device.year, device.batch) = (2024, "B".into());
//! device.tags.insert(Name::new("beta")?);
//! assert_eq!(condition.holds(&Facts::of(&device, None)), Ok(true));
//! assert_eq!(Condition::new("yaer > 2023").unwrap_err().code(), "unknown-variable");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! A condition is checked when it is entered: that it can be read, names nothing unknown, is of
//! type bool, and costs no more than some thousand steps whatever the device. What can still
//! fail is a missing key, a list that is too short, a number out of range.
//!
//! - `condition`, `facts`: an expression, and what it is asked about. `types`, `check`: what is
//!   checked.
//! - `assignment`, `stone`, `blocked`, `window`, `link`: one file per rule. `share`: the part of
//!   the devices that a release has come to.
//! - `set`: all rules of a product.

mod assignment;
mod blocked;
mod check;
mod condition;
mod error;
mod facts;
mod link;
mod set;
mod share;
mod stone;
mod types;
mod window;

pub use assignment::Assignment;
pub use blocked::Blocked;
pub use condition::{Condition, ConditionFailed};
pub use error::{ConditionError, RuleError};
pub use facts::Facts;
pub use link::LinkClass;
pub use set::Rules;
pub use share::Share;
pub use stone::SteppingStone;
pub use window::{ClockTime, UtcOffset, Weekday, Window, WindowRule};
