//! Pages for operators, below `/ui`, rendered here: they need no JavaScript, and none is permitted.
//!
//! Pages do what the API does, by the same functions, with the same roles. A browser is signed in
//! by a cookie that scripts cannot read; a form says what only pages of that session know.

mod account;
mod answer;
mod audit;
mod changes;
mod devices;
mod fields;
mod frame;
mod guard;
mod keys;
mod login;
mod overview;
mod products;
mod releases;
mod rollouts;
mod routes;
mod savings;
mod text;
mod upload;
mod versions;
mod visitor;

pub(super) use guard::guard;
pub(super) use routes::add;
