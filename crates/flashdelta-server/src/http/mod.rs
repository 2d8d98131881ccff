//! HTTP.

mod access;
mod api;
mod auxiliary;
mod body;
mod content;
mod ddi;
mod encoded;
mod error;
mod health;
mod pages;
mod routes;
mod table;
mod update;
mod watch;

pub use access::Access;
pub use routes::{router, routes};
pub use table::Route;
