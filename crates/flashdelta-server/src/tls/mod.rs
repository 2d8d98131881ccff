//! TLS: the certificate of the server, and those of devices (mutual TLS).
//!
//! A certificate of a device is issued by an authority that a tenant trusts, and its common name is
//! the id of the device. Tenants have authorities of their own: none can name another's devices.

mod authorities;
mod config;
mod reload;
mod verifier;

pub(crate) use authorities::{Authorities, Certified};
pub(crate) use config::server;
use config::server_config;
pub(crate) use reload::keep_fresh;
