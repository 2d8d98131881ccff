//! Data of one device in an image of all: holes, and what fills them.
//!
//! A *hole* is a range of the image that differs from device to device: a serial number, a key,
//! calibration, a name. It is declared when the patch is [made](crate::DiffOptions::hole); neither
//! digest of the patch is over values, so one patch serves every device. While it is applied each
//! value is kept, moved if the hole has moved, or taken from
//! [what is given](crate::update::holes) with the update.
//!
//! [`personalize`] fills holes on a host: for flashing, in a factory or in a browser.
//!
//! The checksum and the digest that end an application of an ESP32 are corrected, here and on
//! devices. What is covered by a signature or by another digest (MCUboot, secure boot) cannot have
//! holes: keep what each device has for itself in a data partition there.

mod error;
mod hole;
mod list;
mod personalize;
mod place;
mod prepare;
mod sums;
mod syntax;
mod values;

pub use error::HoleError;
pub use hole::{Hole, HoleSource};
pub use list::{list, HoleFacts};
pub(crate) use list::{new_as_digested, old_as_digested};
pub use personalize::personalize;
pub use place::{parse_bytes, HoleRequest, ImageAndElf, Place};
pub(crate) use prepare::{expected, prepare, Prepared};
pub use syntax::HoleSyntaxError;
pub use values::Values;
