//! What a patch is: a header that says everything a device must know before it writes the first
//! byte, and a body.
//!
//! The layout is specified in `docs/format.md`. Everything that comes from a patch is checked here:
//! sizes against their limits, numbers for being written in the shortest way, the whole header
//! against its CRC-32. Nothing here allocates or panics.

#[cfg(feature = "verify")]
pub(crate) mod chunks;
mod codec;
mod crc;
mod error;
pub(crate) mod header;
#[cfg(feature = "holes")]
pub(crate) mod holes;
mod identity;
#[cfg(feature = "in-place")]
pub(crate) mod in_place;
mod layout;
pub(crate) mod limits;
pub(crate) mod map;
pub(crate) mod reading;
pub(crate) mod tables;
mod varint;

#[cfg(feature = "verify")]
pub use chunks::Chunks;
pub use codec::{Codec, UnknownCodec};
pub use error::{Feature, HeaderError};
pub use header::PatchHeader;
#[cfg(feature = "holes")]
pub use holes::HoleName;
pub use identity::{DeviceIdentity, Identity};
#[cfg(feature = "in-place")]
pub use in_place::InPlace;
pub use limits::{APPLIER_BYTES, MAX_HEADER_LEN};

#[cfg(feature = "in-place")]
pub(crate) use in_place::{Order, Stretch};

pub(crate) use crc::{crc32, Crc32};
pub(crate) use layout::{Layout, SLACK};
pub(crate) use limits::{DIGEST_LEN, MAX_SIZE};
pub(crate) use map::{MOST_RANGES, MOST_SEGMENTS};
pub(crate) use tables::Tables;
pub(crate) use varint::{unzigzag, Reader};
