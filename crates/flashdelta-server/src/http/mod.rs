//! HTTP.

mod access;
mod error;
mod health;
mod routes;

pub use access::Access;
pub use routes::{router, routes, Route};
