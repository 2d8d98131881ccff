//! What devices run and hosts share: `no_std`, without a heap, without panics.
//!
//! Nothing here knows the host floor. The crate's documentation lists the modules from the bottom
//! up.

pub(crate) mod apply;
#[cfg(feature = "audit")]
pub mod audit;
pub(crate) mod codec;
pub(crate) mod coding;
pub(crate) mod error;
pub(crate) mod format;
#[cfg(feature = "group")]
pub mod group;
pub(crate) mod images;
pub(crate) mod isa;
pub mod nor;
#[cfg(feature = "suspend")]
pub(crate) mod port;
pub(crate) mod predict;
#[cfg(feature = "receive")]
pub mod receive;
pub(crate) mod sha256;
pub mod update;
#[cfg(feature = "verify")]
pub mod verify;
