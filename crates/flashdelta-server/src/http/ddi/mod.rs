//! hawkBit's Direct Device Integration API: clients that exist work unchanged.
//!
//! <https://eclipse.dev/hawkbit/apis/ddi_api/>. The artifact of a deployment is the delta for what
//! this device holds.

mod address;
mod config;
mod deployment;
mod feedback;
mod root;
mod routes;

pub(super) use routes::add;
