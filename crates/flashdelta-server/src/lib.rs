//! The update service of flashdelta: each device gets what it needs, from what it holds.
//!
//! Deltas are made when a device first asks for one, and kept. One program with SQLite and a folder
//! does for one machine; several servers and workers share PostgreSQL and an object store.
//!
//! # How it is built
//!
//! Nothing imports from what is listed after it.
//!
//! - `error`, `hex`, `time`, `config`, `keys`: what goes wrong, bytes as text, when it is, what is
//!   set, and files with keys.
//! - [`database`]: tables, and the type that keeps tenants apart.
//! - `tls`: certificates, that of the server and those of devices.
//! - `audit`: who changed what. [`auth`]: tokens, pre-shared keys, operators, and who asks.
//! - `contents`: files and patches in the object store, by digest.
//! - `catalogue`: products, releases, rules and devices in the database; `flashdelta-fleet` has
//!   the types and the planner.
//! - `limits`, `metrics`: how often somebody may ask, and counts of what happens.
//! - `jobs`: patches that are to be made, and the workers that make them.
//! - `changes`: what changed between two releases.
//! - `devices`: what a device gets and what it reports, whatever it speaks.
//! - `clean`: the end of what nobody needs any more.
//! - [`http`]: the same by HTTP: the API of operators, the plain request, hawkBit's DDI,
//!   and pages.
//! - [`coap`]: the plain request for devices that speak CoAP, with or without DTLS.
//! - [`serve`](mod@serve): all of it together, from start to end.
//! - `demo`: a service with a family of devices that is made up. [`cli`]: the program.
#![forbid(unsafe_code)]

pub mod auth;
pub mod cli;
pub mod coap;
pub mod config;
pub mod database;
pub mod http;
pub mod serve;

mod audit;
mod catalogue;
mod changes;
mod clean;
mod contents;
mod demo;
mod devices;
mod error;
mod hex;
mod jobs;
mod keys;
mod limits;
mod metrics;
mod service;
mod time;
mod tls;

pub use config::Config;
pub use error::Error;
pub use jobs::JobLimits;
pub use service::Service;
