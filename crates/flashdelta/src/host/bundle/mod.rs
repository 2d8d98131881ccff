//! Files that hold several others: archives and folders.
//!
//! A release is often a zip archive with an application, a bootloader, a partition table and a
//! manifest. A *bundle* turns such a file into the next one, byte by byte, and patches each member
//! in the cheapest way: what did not change costs nothing, a firmware becomes a core patch, and
//! compressed members are compared as what they hold.
//!
//! ```
//! use flashdelta::archive::folder;
//! use flashdelta::bundle;
//! use flashdelta::DiffOptions;
//!
//! let release = |len: usize, version: &str| {
//!     let version = version.as_bytes().to_vec();
//!     folder::pack(vec![("app.bin".into(), vec![7; len]), ("version.txt".into(), version)])
//! };
//! let (old, new) = (release(9000, "1.4.1")?, release(9100, "1.4.2")?);
//! let patch = bundle::diff(&old, &new, &DiffOptions::new())?;
//! assert!(patch.bytes.len() < 400);
//! assert_eq!(bundle::apply(&old, &patch.bytes)?, new);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - `check`: what must not be used, and inputs that are patched differently from what their name
//!   or format suggests.
//! - `pairing`: which old member a new one is made from; [`manifest`](crate::manifest) says what a
//!   file is for.
//! - `make`, `format`, `apply`: the patch, which `docs/format.md` specifies; `member`: the parts of
//!   it that are core patches.
//!
//! Bundles are for computers: making and applying them needs all of both files in memory. The
//! patches in them are core patches; each of those keeps to the device profile.
//!
//! # What a front end calls
//!
//! To make: the inputs as [`folder::read`](crate::archive::folder::read) and
//! [`manifest::read_release`](crate::manifest::read_release) pack them, or as they are;
//! [`diff_with`]; then [`plain_patch`], which gives the core patch that a device can apply too,
//! where both inputs are files and it is the smallest. Nothing else may be taken out of a bundle:
//! for folders and manifests only the bundle says how the old one is to be read.
//!
//! To apply, and to verify what was made: [`info`]; where its
//! [`old_container`](BundleInfo::old_container) [is a
//! folder](crate::archive::Container::is_folder), the old input is packed again as for making; else
//! it is the file itself, also where that is a manifest. Then [`apply_with`]. The result is written
//! by [`folder::write`](crate::archive::folder::write) where
//! [`new_container`](BundleInfo::new_container) is a folder, and as a file else. A core patch is
//! for the file itself, always.

mod apply;
mod check;
mod error;
mod format;
mod make;
mod member;
mod options;
mod pairing;

pub use apply::{apply, apply_with, apply_with_limit};
pub use check::{check, check_manifest, MemberWarning};
pub use error::BundleError;
pub use format::{info, is_bundle, plain_patch, BundleInfo, MemberInfo, Method};
pub use make::{diff, diff_with, BundlePatch};
pub use member::MemberError;
pub use options::BundleOptions;
