//! Kinds of databases.

/// Which database it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DatabaseKind {
    /// SQLite: one file, one machine.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}
