//! Operators: people with a name, a password and a role.

use serde::Serialize;

use super::password::is_right;
use super::{Caller, Password, Role};
use crate::audit::SERVER;
use crate::database::{column, scoped, Tenant, Transaction};
use crate::time::now;
use crate::Error;

/// An operator, without the password.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OperatorEntry {
    /// The name, which is unique in a tenant.
    pub name: String,
    /// What the operator may do.
    pub role: String,
    /// When the operator was entered, in milliseconds since 1970.
    pub created: i64,
}

impl Tenant {
    /// All operators, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn operators(&self) -> Result<Vec<OperatorEntry>, Error> {
        let rows = self.sql(scoped!(
            "SELECT name, role, created FROM operators WHERE tenant = $1 ORDER BY name"
        ));
        let entry = |row| {
            let (name, role) = (column(row, 0)?, column(row, 1)?);
            Ok(OperatorEntry { name, role, created: column(row, 2)? })
        };
        rows.all(self).await?.iter().map(entry).collect()
    }

    /// Enters an operator, or gives one another role and password, who then has to sign in again.
    /// `who`: for the audit log.
    ///
    /// # Errors
    ///
    /// [`Error::Bad`], if the name or the role cannot be.
    pub async fn put_operator(
        &self,
        who: &str,
        name: &str,
        role: Role,
        password: Password,
    ) -> Result<(), Error> {
        check_name(name)?;
        if role == Role::Metrics {
            return Err(Error::bad("role", role.name(), "one of viewer, editor, admin"));
        }
        let hash = password.hash().await?;
        let mut transaction = self.begin().await?;
        transaction
            .sql(scoped!(
                "INSERT INTO operators (tenant, name, role, password, created) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, name) \
                 DO UPDATE SET role = excluded.role, password = excluded.password"
            ))
            .bind(name.to_owned())
            .bind(role.name())
            .bind(hash)
            .bind(now())
            .execute(&mut transaction)
            .await?;
        transaction.end_sessions(name).await?;
        transaction.note(who, "operator", name, role.name()).await?;
        transaction.commit().await
    }

    /// Removes an operator, whose sessions end.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn remove_operator(&self, who: &str, name: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        transaction.end_sessions(name).await?;
        let removed = transaction
            .sql(scoped!("DELETE FROM operators WHERE tenant = $1 AND name = $2"))
            .bind(name.to_owned())
            .execute(&mut transaction)
            .await?;
        if removed == 0 {
            return Err(Error::NotFound { what: format!("operator {name}") });
        }
        transaction.note(who, "operator removed", name, "").await?;
        transaction.commit().await
    }

    /// The role of an operator with this password; `None`: there is none. It takes the same time.
    pub(super) async fn role_by_password(
        &self,
        name: &str,
        password: String,
    ) -> Result<Option<Role>, Error> {
        let row = self
            .sql(scoped!("SELECT password, role FROM operators WHERE tenant = $1 AND name = $2"))
            .bind(name.to_owned())
            .optional(self)
            .await?;
        let (hash, role) = match &row {
            Some(row) => (Some(column(row, 0)?), Some(column::<String>(row, 1)?.parse()?)),
            None => (None, None),
        };
        let is_right = is_right(hash, password).await?;
        Ok(role.filter(|_| is_right))
    }
}

impl Caller {
    /// As [`Tenant::put_operator`]; nobody does that with his own role, so that one is left who
    /// may.
    pub(crate) async fn put_operator(
        &self,
        name: &str,
        role: Role,
        password: Password,
    ) -> Result<(), Error> {
        self.check_other("operator", name)?;
        self.tenant.put_operator(self.who(), name, role, password).await
    }

    /// As [`Tenant::remove_operator`], but not whoever asks.
    pub(crate) async fn remove_operator(&self, name: &str) -> Result<(), Error> {
        self.check_other("operator", name)?;
        self.tenant.remove_operator(self.who(), name).await
    }

    /// Whether this is not what asks, a token or an operator: so that one is left that can make
    /// others.
    pub(super) fn check_other(&self, what: &'static str, id: &str) -> Result<(), Error> {
        match id == self.token {
            true => Err(Error::bad(what, id, "another one than that which asks")),
            false => Ok(()),
        }
    }
}

impl Transaction {
    async fn end_sessions(&mut self, name: &str) -> Result<(), Error> {
        self.sql(scoped!("DELETE FROM sessions WHERE tenant = $1 AND operator = $2"))
            .bind(name.to_owned())
            .execute(&mut *self)
            .await
            .map(|_| ())
    }
}

/// In the audit log names are beside ids of tokens: nobody has one that looks like those.
fn check_name(name: &str) -> Result<(), Error> {
    let is_name = (1..=64).contains(&name.len())
        && name.trim() == name
        && !name.chars().any(char::is_control)
        && name != SERVER
        && !(name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match is_name {
        true => Ok(()),
        false => Err(Error::bad("name", name, "1 to 64 bytes of text that is no id of a token")),
    }
}
