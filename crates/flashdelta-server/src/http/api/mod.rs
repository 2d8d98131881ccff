//! The API of operators, below `/v1`.

mod audit;
mod devices;
mod document;
mod files;
mod products;
mod releases;
mod routes;
mod tokens;

pub(super) use routes::add;
