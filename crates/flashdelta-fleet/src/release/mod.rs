//! Static releases: every patch that is needed, made once, in a folder that any file server or
//! bucket serves.
//!
//! ```no_run
//! use flashdelta_fleet::release::{resolve, Build, Query};
//! use flashdelta_fleet::{Digest, Name};
//!
//! let build = Build::open("RELEASE.toml".as_ref(), "public".as_ref())?;
//! build.run(0, &|_, _| core::ops::ControlFlow::Continue(()))?;
//! build.finish()?;
//!
//! let held: Digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".parse()?;
//! let query = Query::new(Name::new("heron")?).digest(held);
//! let found = resolve("public".as_ref(), &query, None)?;
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! - `description`: `RELEASE.toml`. `task`: one patch to be made, and its name in the cache.
//! - `build`: what is there already, what is to be made, the folder. `store`: files by digest.
//! - `index`: `index.json`, which `docs/release.schema.json` describes. `signature`: who wrote it.
//! - `resolve`: what a device gets.

mod build;
mod description;
mod error;
mod index;
mod resolve;
mod signature;
mod store;
mod task;

pub use build::{Build, Progress, Summary};
pub use description::{Description, Entry};
pub use error::ReleaseError;
pub use index::{Index, IndexPatch, IndexProfile, IndexRelease, Stored};
pub use resolve::{resolve, Query, Resolution, Resolved, ResolvedStep, Why};
pub use signature::index_message;
pub use task::{Task, TaskFile};
