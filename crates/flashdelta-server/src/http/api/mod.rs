//! The API of operators, below `/v1`.

mod audit;
mod changes;
mod devices;
mod document;
mod files;
mod operators;
mod products;
mod psk;
mod releases;
mod rollouts;
mod routes;
mod tokens;

pub(super) use routes::add;
