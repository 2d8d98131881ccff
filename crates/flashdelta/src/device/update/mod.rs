//! Whole updates: what is around the applier on a device.

pub mod ab;
#[cfg(feature = "holes")]
pub mod holes;
#[cfg(feature = "in-place")]
pub mod in_place;
#[cfg(feature = "set")]
pub mod set;
