//! Component sets: several parts of a device, updated as one, all or nothing.
//!
//! A *set* is one file with an *index* and a *payload* for each component that changes:
//! application, bootloader, partition table, file system, the firmware of a radio or of a child
//! device behind a bus. The index says for each what has to be there, what will be there, and which
//! payload leads from one to the other. It is in RAM as a whole, and is authenticated before any of
//! it is used; it vouches for the header of each payload, and so for every byte. Payloads are
//! patches, applied by the ordinary [`Applier`](crate::apply::Applier).
//!
//! [`SetUpdate`] is the driver. What it needs of a device is [`Components`]: what is there, where
//! new images go, and how they become active. A child device behind a bus has the same five
//! functions. What has to survive a reset is one [record](SetRecord).
//!
//! # All or nothing
//!
//! 1. The index comes in, with its signatures. Identity, security counter, every precondition and
//!    the room for every component are checked. Nothing has been written.
//! 2. A record says that the update has begun. Each component is written and verified. None is
//!    active.
//! 3. **One record commits the update.** Before it all is old, after it all will be new.
//! 4. Each component is activated, in the order of the set. A record says that it is done.
//!
//! After a reset [`recover`] reads the record. If the update had been committed it activates what
//! may not be active yet, so [`Components::activate`] must be idempotent; if not, it takes back
//! what was begun. It has to run before anything is started that a set may change: in the
//! bootloader, or first of all in the application. If the application itself is one of the
//! components, let it be the last of the set: then the one that runs `recover` is replaced when all
//! others are new.
//!
//! Components that hold the right image already are left alone, and so are those that are for other
//! hardware.

mod check;
mod components;
mod digest;
mod error;
mod index;
mod record;
mod recover;
mod update;
mod update_error;
mod written;

pub use components::{Components, Present};
pub use error::SetError;
pub use index::{
    Entries, Entry, Index, Kind, Payload, Precondition, Target, MAX_INDEX_LEN, MAX_NAME_LEN,
    MOST_COMPONENTS,
};
pub use record::{Recovered, SetRecord};
pub use recover::recover;
pub use update::{set_message, SetUpdate};
pub use update_error::SetUpdateError;
pub use written::ComponentUpdate;

pub(crate) use index::{HAS_HARDWARE, HAS_PAYLOAD, HEADER_DIGEST_LEN, MAGIC, VERSION};
