//! The database: SQLite or PostgreSQL, one text of SQL for both.
//!
//! All that a maker has belongs to a tenant, and is reached by [`Tenant::sql`] alone, which takes
//! only text that [names the tenant](Scoped). What belongs to no tenant (tenants themselves, tokens
//! before it is known whose they are, the queue of jobs) asks [`Database::unscoped`]; a test lists
//! the files that do.
//!
//! Columns are of the two types that both databases agree on: TEXT and BIGINT. Digests are
//! hexadecimal, times are milliseconds since 1970, and what only this program reads is JSON.

mod connect;
mod kind;
mod migrations;
mod scoped;
mod statement;
mod tenant;

pub use connect::Database;
pub use kind::DatabaseKind;
pub(crate) use scoped::{scoped, Scoped};
pub(crate) use statement::{column, json_column, Statement, Target};
pub use tenant::{Tenant, Transaction};
