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
//! let mut applier = Applier::new(&mut workspace, &old[..], &mut slot[..], ApplyOptions::default());
//! for piece in patch.chunks(64) {
//!     applier.feed(piece).expect("the link is good");
//! }
//! applier.finish().expect("the patch is complete");
//! assert_eq!(slot, new);
//! ```
//!
//! # How it is built
//!
//! From the bottom up; nothing knows what is above it. What the applier uses is `no_std`, does not
//! allocate, and does not panic.
//!
//! - `coding`: a range coder, adaptive binary contexts held as log-odds, and their mixing, all in
//!   integers. Everything above is written once against a "coder of bits", which is an encoder, a
//!   decoder, or a meter.
//! - `isa`: one file per instruction set. Finds the references in old code, says where they point,
//!   writes them anew.
//! - `predict`: what a unit (an instruction or a data word) of the old image becomes in the new
//!   one: the address map, the shift map that learns where addresses have gone, and the walk that
//!   joins them.
//! - `model`: the codec that makes the small patches. No lengths, only decisions: "as predicted",
//!   "the copy ends", "another one starts".
//! - `bytes`: the other codecs: operations as plain bytes, or compressed by LZ4 or Zstandard, with
//!   the same prediction.
//! - `patch`: the header; sizes and digests; how the RAM of a device is divided.
//! - [`apply`]: the push state machine, the traits through which it reads and writes images, and
//!   implementations for slices, NOR flash and files.
//! - [`diff`]: the maker (with `std`).
//! - [`image`]: firmware containers: which bytes stand at which addresses (with `std`).
//! - [`package`]: files as they come: of a text file the memory is patched, and the identical text
//!   given back; archives and folders are patched member by member (with `std`).
//!
//! The maker runs the very code of the applier, with an encoder in place of the decoder: the two
//! cannot drift apart.
//!
//! # Features
//!
//! `std` (default) brings everything that needs an operating system. Without default features this
//! crate is the applier without any codec; `model`, `raw`, `lz4`, `isa-thumb`, `isa-riscv`,
//! `isa-xtensa`, `isa-tc32`, `isa-mcs51` add to it what a device shall be able to apply.
//! `prediction` is for patches that predict pointers in data and no code; the model codec and the
//! instruction sets bring it.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
// Without any codec there is little to do.
#![cfg_attr(
    not(any(feature = "model", feature = "raw")),
    allow(dead_code, unreachable_code, unused)
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

pub mod apply;
#[cfg(feature = "std")]
pub mod diff;
#[cfg(feature = "std")]
pub mod image;
#[cfg(feature = "std")]
pub mod package;

#[cfg_attr(not(feature = "raw"), allow(dead_code))]
mod bytes;
#[cfg_attr(not(feature = "std"), allow(dead_code))]
mod coding;
// What no instruction set of a build needs is not dead in others.
#[cfg_attr(
    not(all(
        feature = "std",
        feature = "isa-thumb",
        feature = "isa-riscv",
        feature = "isa-xtensa",
        feature = "isa-tc32",
        feature = "isa-mcs51"
    )),
    allow(dead_code)
)]
mod isa;
#[cfg_attr(not(feature = "std"), allow(dead_code, unused_imports))]
mod model;
mod patch;
#[cfg_attr(
    not(all(
        feature = "std",
        feature = "isa-thumb",
        feature = "isa-riscv",
        feature = "isa-xtensa",
        feature = "isa-tc32",
        feature = "isa-mcs51"
    )),
    allow(dead_code)
)]
mod predict;

pub use patch::{
    Codec, DeviceIdentity, Feature, HeaderError, Identity, PatchHeader, UnknownCodec,
    APPLIER_BYTES, MAX_HEADER_LEN,
};
pub use predict::address_map::{Segment, SegmentKind};
pub use predict::instruction_set::UnknownInstructionSet;
pub use predict::walker::InstructionSet;

#[cfg(feature = "std")]
pub use diff::DiffOptions;
