//! HTTP.

mod access;
mod api;
mod body;
mod content;
mod ddi;
mod error;
mod health;
mod pages;
mod routes;
mod update;
mod watch;

pub use access::Access;
pub use routes::{router, routes, Route};
