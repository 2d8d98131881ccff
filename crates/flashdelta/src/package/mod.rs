//! Firmware as it is shipped.

pub mod bundle;
