//! Products, releases, rules and devices in the database. What they are and what they have to be is
//! `flashdelta-fleet`'s.

mod devices;
mod files;
mod limits;
mod products;
mod reach;
mod releases;
mod rollouts;
mod state;

pub(crate) use devices::{StoredDevice, NEVER};
pub(crate) use files::StoredFile;
pub(crate) use limits::Limits;
pub(crate) use reach::{Reach, MOST_COUNTED};
pub(crate) use releases::{application, NewRelease};
pub(crate) use rollouts::{Rollout, RolloutChange, RolloutState};
pub(crate) use state::{ProductState, States};
