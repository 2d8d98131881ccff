//! `flashdelta fleet`: an update service, by its API.
//!
//! It is thin: what it prints is what the server answers, and the server decides. `client` has the
//! one request that all commands make.

mod answers;
mod client;
mod command;
mod devices;
mod products;
mod releases;
mod rollouts;
mod tokens;

pub(crate) use command::Args;
