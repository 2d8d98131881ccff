//! Component sets on hosts: made, signed, checked and applied.
//!
//! A *set* is one signed file that updates several components of a device, all or nothing: see
//! [`update::set`](crate::update::set). Its name ends in `.fds`. (Bundles are something else:
//! patches between archives, for computers.)
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use flashdelta::set::{self, Component, ComponentName, SetOptions};
//! use flashdelta::update::set::Kind;
//!
//! let app = ComponentName::Partition("ota".into());
//! let radio = ComponentName::Child { id: 1, name: "radio".into() };
//! let set = set::make(
//!     &[
//!         Component::update(Kind::Radio, radio.clone(), vec![1; 3000], vec![2; 3000]),
//!         Component::update(Kind::Application, app.clone(), vec![3; 9000], vec![4; 9000]),
//!     ],
//!     &SetOptions::new(),
//! )?;
//!
//! let old = BTreeMap::from([(app.clone(), vec![3; 9000]), (radio, vec![1; 3000])]);
//! let new = set::apply(&set, &old, None)?;
//! assert_eq!(new[&app], vec![4; 9000]);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! - `component`: what goes into a set. `make`: makes it.
//! - `parts`: a set taken apart and put together again; `sign`: signatures.
//! - `source`: components from manifests of releases; `recipe`: from a description in TOML.
//! - `facts`: what a set says about itself, for machines.
//! - `apply`: the driver of devices, on components in memory; `folder`: on the files of a folder.

mod apply;
mod component;
mod error;
mod facts;
mod folder;
mod make;
mod parts;
mod recipe;
mod sign;
mod source;

pub use apply::{apply, apply_signed, SetApplyError};
pub use component::{Component, ComponentName};
pub use error::{SetFileError, SetMakeError};
pub use facts::{ComponentFacts, PreconditionFacts, SetFacts, TargetFacts};
pub use folder::{apply_to_folder, SetFolder, SetFolderError};
pub use make::{make, SetOptions};
pub use parts::{check, is_set};
pub use recipe::{read_description, Described};
#[cfg(feature = "sign")]
pub use sign::sign;
pub use sign::{attach, authenticate, message, signatures};
pub use source::{between, read_release, Difference, ReleaseComponent, SetSourceError};
