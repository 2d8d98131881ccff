//! Connections.

use core::ops::DerefMut;
use core::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Executor};

use super::kind::DatabaseKind;
use super::{migrations, Statement, Target};
use crate::Error;

/// A database with the tables of this program.
#[derive(Clone)]
pub struct Database {
    pool: AnyPool,
    kind: DatabaseKind,
}

impl Database {
    /// Opens `sqlite:PATH` or `postgres://…`, and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// [`Error::Bad`], if it is another address; [`Error::Database`], [`Error::Migrate`].
    pub async fn open(url: &str, connections: u32) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let (kind, url) = match url.split_once(':') {
            // The file is made if it is not there.
            Some(("sqlite", _)) if !url.contains("mode=") => {
                let separator = if url.contains('?') { '&' } else { '?' };
                (DatabaseKind::Sqlite, format!("{url}{separator}mode=rwc"))
            }
            Some(("sqlite", _)) => (DatabaseKind::Sqlite, url.to_owned()),
            Some(("postgres" | "postgresql", _)) => (DatabaseKind::Postgres, url.to_owned()),
            _ => return Err(Error::bad("database", url, "sqlite:PATH or postgres://…")),
        };
        let options = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(30))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if kind == DatabaseKind::Sqlite {
                        // Readers do not wait for the writer, and writers wait for each other.
                        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                                        PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 20000";
                        connection.execute(settings).await?;
                    }
                    Ok(())
                })
            });
        let database = Self { pool: options.connect(&url).await?, kind };
        migrations::run(&database.pool, kind).await?;
        Ok(database)
    }

    /// Which database it is.
    pub fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// Whether it answers.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn check(&self) -> Result<(), Error> {
        self.unscoped("SELECT id FROM tenants LIMIT 1").all(self).await.map(|_| ())
    }

    /// Closes all connections, when what runs on them has ended.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A statement about what belongs to no tenant.
    pub(crate) fn unscoped(&self, sql: &'static str) -> Statement {
        Statement::new(sql)
    }

    pub(super) fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// A transaction that may write. SQLite has one writer: it waits for its turn here rather than
    /// fail when it has read already.
    pub(super) async fn begin(&self) -> Result<sqlx::Transaction<'static, Any>, Error> {
        Ok(match self.kind {
            DatabaseKind::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            DatabaseKind::Postgres => self.pool.begin().await?,
        })
    }
}

impl Target for &Database {
    async fn connection(&mut self) -> Result<impl DerefMut<Target = AnyConnection>, Error> {
        Ok(self.pool.acquire().await?)
    }
}
