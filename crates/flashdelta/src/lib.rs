//! Firmware delta updates: small patches, applied in a few KiB of RAM.
//!
//! A release server turns *old image + new image* into a *patch* ([`diff`]); a device turns *its
//! own flash + the patch* into the new image ([`apply`]), safely.
//!
//! ```
//! use flashdelta::{apply, diff, DiffOptions};
//!
//! let old = std::fs::read("../../testdata/firmware/riscv-1.0.bin")?;
//! let new = std::fs::read("../../testdata/firmware/riscv-1.1.bin")?;
//! let patch = diff::diff(&old, &new, &DiffOptions::new())?;
//! assert!(patch.bytes.len() < new.len() / 4);
//! assert_eq!(apply::apply(&old, &patch.bytes)?, new);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! On a device there is no heap: [`Applier`](apply::Applier) works in a block of RAM that the
//! caller lends, and takes the patch in pieces as they arrive.
//!
//! ```
//! use flashdelta::apply::{Applier, ApplyOptions};
//! # use flashdelta::{diff, DiffOptions};
//! # let (old, new) = ([7; 3000], [8; 3000]);
//! # let patch = diff::diff(&old, &new, &DiffOptions::new()).unwrap().bytes;
//! let mut workspace = [0; 63 * 1024];
//! let mut slot = [0; 3000];
//! let options = ApplyOptions::default();
//! let mut applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
//! for piece in patch.chunks(64) {
//!     applier.feed(piece).expect("the link is good");
//! }
//! applier.finish().expect("the patch is complete");
//! assert_eq!(slot, new);
//! ```
//!
//! # How it is built
//!
//! Two floors, a folder each, and one feature, `std`, between them. Nothing on the device floor
//! imports from the host floor, and on each floor nothing imports from what is listed after it; a
//! test (`tests/host/floors.rs`) reads the imports.
//!
//! `device/` is what devices run and hosts share: `no_std`, no allocation, no panic.
//!
//! - `error`: what all errors have: a code, a class, a remedy.
//! - `port`: how state gets into a suspension, and out of it.
//! - `audit`: a record of what is parsed of patches, for one test.
//! - `sha256`: digests, in software or by a chip's unit.
//! - `coding`: a range coder, adaptive binary contexts held as log-odds, and their mixing, all in
//!   integers. Everything after it is written once against a "coder of bits", which is an encoder,
//!   a decoder, or a meter.
//! - `isa`: one file per instruction set and a row of a table. Finds the references in old code,
//!   says where they point, writes them anew.
//! - `images`: both images as codecs see them.
//! - `predict`: what a unit (an instruction or a data word) of the old image becomes in the new
//!   one: the address map, the shift map that learns where addresses have gone, and the walk that
//!   joins them.
//! - `format`: the header of a patch, its address maps, sizes and limits.
//! - `codec/model`: the codec that makes the small patches. No lengths, only decisions: "as
//!   predicted", "the copy ends", "another one starts".
//! - `codec/bytes`: operations as plain bytes, or compressed by LZ4 or Zstandard, with the same
//!   prediction.
//! - [`apply`]: the push state machine, the workspace that it runs in, and the traits through which
//!   it reads and writes images.
//! - [`verify`]: who made a patch, and whether each byte of it is what was made.
//! - [`nor`]: images in NOR flash.
//! - [`update`]: whole updates, with the hand-over to the bootloader: of one image, and of
//!   component sets.
//! - [`receive`]: a patch in pieces, in any order, and to many.
//! - [`group`]: many devices updated as one.
//!
//! `host/` needs an operating system. (`bare` stands in for it on devices.)
//!
//! - `put`: writes the numbers that `format` reads.
//! - `budget`: bounds what hostile input may cost.
//! - `room`: memory as large as the input, which there may be too little of.
//! - `bounded`: files that are read up to a limit.
//! - `json`, `deflate`: what files of several kinds contain.
//! - `sha256`: digests, as fast as the processor can.
//! - [`image`]: firmware formats, one file each: which bytes are at which addresses.
//! - `encode`: the other halves of the device floor: what writes numbers, headers and bodies, and
//!   what says how long they would be.
//! - `apply`: applying with a heap, from and to files. It is in the public [`apply`], too.
//! - [`profile`]: what devices offer.
//! - `seal`: a patch taken apart and put together again.
//! - [`sign`]: signatures for patches.
//! - [`holes`]: data of one device in an image of all.
//! - [`diff`]: the maker. It runs the very code of the applier, with an encoder in place of the
//!   decoder: the two cannot drift apart.
//! - [`archive`]: zip, tar, gzip and folders.
//! - [`manifest`]: JSON files that name the parts of a firmware.
//! - [`mod@file`]: patches between firmware files of any format.
//! - [`bundle`]: patches between archives or folders.
//! - [`facts`]: what firmware files and patches say about themselves, for machines.
//! - `input`: what a program is given, read once: [`Input`].
//! - [`set`]: component sets, made, signed and applied.
//! - [`door`]: any two inputs make a patch, any patch and an input make an output; what any file
//!   is.
//!
//! # Features
//!
//! `full` (default) is everything, `std` what needs an operating system, `sign` keys in files and
//! signing. Without default features this crate is the applier without any codec. What a device has
//! to apply is added by
//!
//! - `model`, `raw`, `lz4`, `zstd` (with an operating system): codecs;
//! - `isa-thumb` and its like, one for each [`InstructionSet`] that predicts code, `isa` for all.
//!   `prediction` is for patches that predict pointers in data and no code; the model codec and the
//!   instruction sets bring it;
//! - `bounded`: calls that do no more than a budget allows. `suspend`: updates that go on after a
//!   reset;
//! - `verify`: signatures and chunk digests are checked; `ed25519-dalek`, `p256` and `salty` have
//!   the arithmetic for it;
//! - `receive`: chunks in any order. `set`: several components as one. `group`: several devices as
//!   one;
//! - `in-place`: devices that have one slot;
//! - `holes`: data that each device has for itself, in an image that is the same for all.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
// A build with fewer features uses less of what is shared: what is unused shows in a full build.
#![cfg_attr(
    not(feature = "full"),
    allow(unused, unreachable_code, unreachable_patterns, unreachable_pub)
)]
#![forbid(unsafe_code)]

/// The examples of the README are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

/// And those of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide.md")]
pub struct Guide;

#[cfg(not(feature = "std"))]
mod bare;
mod device;
#[cfg(all(test, feature = "full"))]
mod error_table;
#[cfg(feature = "std")]
mod host;

#[cfg(feature = "audit")]
#[doc(hidden)]
pub use device::audit;
pub use device::error::{ErrorClass, Remedy};
#[cfg(feature = "verify")]
pub use device::format::Chunks;
#[cfg(feature = "holes")]
pub use device::format::HoleName;
#[cfg(feature = "in-place")]
pub use device::format::InPlace;
pub use device::format::{
    Codec, DeviceIdentity, Feature, HeaderError, Identity, PatchHeader, UnknownCodec,
    APPLIER_BYTES, MAX_HEADER_LEN,
};
#[cfg(feature = "group")]
pub use device::group;
pub use device::isa::{InstructionSet, UnknownInstructionSet};
#[cfg(feature = "receive")]
pub use device::receive;
#[cfg(feature = "verify")]
pub use device::verify;
pub use device::{nor, update};
#[cfg(feature = "std")]
pub use host::{
    archive, bundle, diff, door, facts, file, holes, image, manifest, profile, set, sign,
};
#[cfg(feature = "std")]
pub use host::{
    bounded::ReadError,
    input::{read_text, Input, InputError},
};

pub mod apply {
    //! Applying a patch.
    pub use crate::device::apply::*;
    #[cfg(feature = "std")]
    pub use crate::host::apply::*;
}

#[cfg(feature = "std")]
pub use diff::DiffOptions;
