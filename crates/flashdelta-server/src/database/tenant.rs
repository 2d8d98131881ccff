//! A tenant, and what it has.

use core::ops::DerefMut;
use std::sync::Arc;

use sqlx::{Any, AnyConnection};

use super::{column, Database, Scoped, Statement, Target};
use crate::Error;

/// A tenant: the only way to what belongs to it.
#[derive(Clone)]
pub struct Tenant {
    database: Database,
    id: i64,
    name: Arc<str>,
}

/// A transaction of a tenant's. It is rolled back unless it is [committed](Self::commit).
pub struct Transaction {
    transaction: sqlx::Transaction<'static, Any>,
    id: i64,
}

impl Tenant {
    pub(super) fn new(database: Database, id: i64, name: &str) -> Self {
        Self { database, id, name: name.into() }
    }

    /// Its number.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A statement. `$1` is the tenant; the first argument that is bound is `$2`.
    pub(crate) fn sql(&self, sql: Scoped) -> Statement {
        Statement::new(sql.text()).bind(self.id)
    }

    /// A transaction that may write.
    pub(crate) async fn begin(&self) -> Result<Transaction, Error> {
        Ok(Transaction { transaction: self.database.begin().await?, id: self.id })
    }

    /// A transaction in which alone contents get a name, or lose it; others wait for its end.
    pub(crate) async fn begin_naming(&self) -> Result<Transaction, Error> {
        let mut transaction = self.begin().await?;
        // What is read after this is not older than it: PostgreSQL gives each statement what has
        // been committed by then, and SQLite has one writer.
        let row = Statement::new("UPDATE tenants SET name = name WHERE id = $1").bind(self.id);
        row.execute(&mut transaction).await?;
        Ok(transaction)
    }
}

impl Transaction {
    /// A statement, as [`Tenant::sql`].
    pub(crate) fn sql(&self, sql: Scoped) -> Statement {
        Statement::new(sql.text()).bind(self.id)
    }

    /// Keeps what was changed.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        Ok(self.transaction.commit().await?)
    }
}

impl Target for &Tenant {
    async fn connection(&mut self) -> Result<impl DerefMut<Target = AnyConnection>, Error> {
        Ok(self.database.pool().acquire().await?)
    }
}

impl Target for &mut Transaction {
    async fn connection(&mut self) -> Result<impl DerefMut<Target = AnyConnection>, Error> {
        Ok(&mut *self.transaction)
    }
}

impl Database {
    /// The tenant of this name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], if there is none.
    pub async fn tenant(&self, name: &str) -> Result<Tenant, Error> {
        let found = self.unscoped("SELECT id FROM tenants WHERE name = $1").bind(name.to_owned());
        match found.optional(self).await? {
            Some(row) => Ok(Tenant::new(self.clone(), column(&row, 0)?, name)),
            None => Err(Error::NotFound { what: format!("tenant {name}") }),
        }
    }

    /// A tenant that was read from the database.
    pub(crate) fn known_tenant(&self, id: i64, name: &str) -> Tenant {
        Tenant::new(self.clone(), id, name)
    }

    /// The tenant of this number.
    pub(crate) async fn tenant_by_id(&self, id: i64) -> Result<Tenant, Error> {
        let found = self.unscoped("SELECT name FROM tenants WHERE id = $1").bind(id);
        match found.optional(self).await? {
            Some(row) => Ok(Tenant::new(self.clone(), id, &column::<String>(&row, 0)?)),
            None => Err(Error::NotFound { what: format!("tenant {id}") }),
        }
    }

    /// All tenants.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        let rows = self.unscoped("SELECT id, name FROM tenants ORDER BY id").all(self).await?;
        let tenant =
            |row| Ok(Tenant::new(self.clone(), column(row, 0)?, &column::<String>(row, 1)?));
        rows.iter().map(tenant).collect()
    }

    /// A new tenant. Its name is 1 to 64 lower-case letters, digits and `-`: it is a part of
    /// addresses.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], [`Error::Bad`].
    pub async fn add_tenant(&self, name: &str) -> Result<Tenant, Error> {
        let is_name = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        // `v1` is where the API is, `ui` where the pages are.
        let is_taken = matches!(name, "v1" | "ui");
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_name) || is_taken {
            return Err(Error::bad("tenant", name, "1 to 64 lower-case letters, digits and -"));
        }
        let added = self.unscoped(
            "INSERT INTO tenants (name, created) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        );
        match added.bind(name.to_owned()).bind(crate::time::now()).execute(self).await? {
            0 => Err(Error::Exists { what: format!("tenant {name}") }),
            _ => self.tenant(name).await,
        }
    }
}
