//! What hosts do: files, archives, manifests, releases, the door; and what the source promises.

#[path = "../common/mod.rs"]
mod common;

mod bombs;
mod bundle;
mod bundle_hostile;
mod bundle_warnings;
mod damage;
mod door;
mod firmware;
mod floors;
mod inputs;
mod manifests;
mod more_ram;
mod personalize;
mod profiles;
mod records;
mod refusals;
mod set_releases;
