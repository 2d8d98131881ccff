//! Tokens in the database.

use serde::Serialize;
use sha2::Digest as _;

use super::secret::hash;
use super::{Caller, Role, Secret, TokenKind};
use crate::database::{column, scoped, Database, Tenant, Transaction};
use crate::hex::hex;
use crate::time::now;
use crate::Error;

/// A token to be made.
pub struct NewToken<'a> {
    /// What it is for.
    pub kind: TokenKind,
    /// What an operator may do; of others it does not count.
    pub role: Role,
    /// The device, of a device's token.
    pub device: &'a str,
    /// What people call it.
    pub name: &'a str,
}

/// A token, without its secret.
#[derive(Debug, Serialize)]
pub struct TokenEntry {
    /// Its id, by which it is revoked.
    pub id: String,
    /// `operator`, `gateway` or `device`.
    pub kind: String,
    /// What an operator may do.
    pub role: String,
    /// The device, of a device's token.
    pub device: String,
    /// What people call it.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
}

impl Database {
    /// Who has this token.
    pub(crate) async fn caller(&self, token: &str) -> Result<Caller, Error> {
        let found = self.unscoped(
            "SELECT tokens.tenant, tokens.id, kind, role, device, tenants.name FROM tokens \
             JOIN tenants ON tenants.id = tokens.tenant WHERE hash = $1",
        );
        let row = found.bind(hash(token)).optional(self).await?.ok_or(Error::Unauthorized)?;
        Ok(Caller {
            tenant: self.known_tenant(column(&row, 0)?, &column::<String>(&row, 5)?),
            token: column(&row, 1)?,
            kind: column::<String>(&row, 2)?.parse()?,
            role: column::<String>(&row, 3)?.parse()?,
            device: column(&row, 4)?,
        })
    }

    /// Whether there is any token: if not, nobody can do anything yet.
    pub(crate) async fn has_tokens(&self) -> Result<bool, Error> {
        let found = self.unscoped("SELECT id FROM tokens LIMIT 1").optional(self).await?;
        Ok(found.is_some())
    }
}

impl Tenant {
    /// A new token. What is given back is the only copy.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]; [`Error::Bad`], if the name is too long.
    pub async fn add_token(&self, token: &NewToken<'_>) -> Result<(String, Secret), Error> {
        let mut transaction = self.begin().await?;
        let made = transaction.add_token(token).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// All tokens but those of devices.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn tokens(&self) -> Result<Vec<TokenEntry>, Error> {
        let rows = self.sql(scoped!(
            "SELECT id, kind, role, device, name, created FROM tokens \
             WHERE tenant = $1 AND device = '' ORDER BY created, id"
        ));
        let entry = |row| {
            Ok(TokenEntry {
                id: column(row, 0)?,
                kind: column(row, 1)?,
                role: column(row, 2)?,
                device: column(row, 3)?,
                name: column(row, 4)?,
                created: column(row, 5)?,
            })
        };
        rows.all(self).await?.iter().map(entry).collect()
    }

    /// Revokes a token.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn remove_token(&self, who: &str, id: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let removed = transaction
            .sql(scoped!("DELETE FROM tokens WHERE tenant = $1 AND id = $2"))
            .bind(id.to_owned())
            .execute(&mut transaction)
            .await?;
        if removed == 0 {
            return Err(Error::NotFound { what: format!("token {id}") });
        }
        transaction.note(who, "token revoked", id, "").await?;
        transaction.commit().await
    }
}

impl Caller {
    /// A new token of an operator or a gateway.
    ///
    /// # Errors
    ///
    /// [`Error::Bad`], if it is for something else.
    pub(crate) async fn add_token(
        &self,
        kind: TokenKind,
        role: Role,
        name: &str,
    ) -> Result<(String, Secret), Error> {
        // Metrics are of the whole server: only who runs it gives a token for them.
        if kind == TokenKind::Device || (role == Role::Metrics && kind == TokenKind::Operator) {
            let expected = "operator (viewer, editor, admin) or gateway";
            return Err(Error::bad("kind", kind.name(), expected));
        }
        let mut transaction = self.tenant.begin().await?;
        let made = transaction.add_token(&NewToken { kind, role, device: "", name }).await?;
        transaction.note(self.who(), "token", &made.0, name).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// Revokes a token, but not that which asks.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Bad`].
    pub(crate) async fn remove_token(&self, id: &str) -> Result<(), Error> {
        self.check_other("token", id)?;
        self.tenant.remove_token(self.who(), id).await
    }
}

impl Transaction {
    /// A new token.
    pub(crate) async fn add_token(
        &mut self,
        token: &NewToken<'_>,
    ) -> Result<(String, Secret), Error> {
        if token.name.len() > 256 {
            return Err(Error::bad("name", token.name, "at most 256 bytes"));
        }
        let secret = Secret::generate(token.kind)?;
        let hash = hash(secret.reveal());
        // Of the hash, so that the id tells nothing of the secret.
        let id = hex(&sha2::Sha256::digest(hash.as_bytes())[..8]);
        self.sql(scoped!(
            "INSERT INTO tokens (tenant, hash, id, kind, role, device, name, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        ))
        .bind(hash)
        .bind(id.clone())
        .bind(token.kind.name())
        .bind(token.role.name())
        .bind(token.device.to_owned())
        .bind(token.name.to_owned())
        .bind(now())
        .execute(&mut *self)
        .await?;
        Ok((id, secret))
    }

    /// A new token of a device in place of those that it had.
    pub(crate) async fn renew_device_token(&mut self, device: &str) -> Result<Secret, Error> {
        self.sql(scoped!("DELETE FROM tokens WHERE tenant = $1 AND device = $2"))
            .bind(device.to_owned())
            .execute(&mut *self)
            .await?;
        let token =
            NewToken { kind: TokenKind::Device, role: Role::Metrics, device, name: "device" };
        Ok(self.add_token(&token).await?.1)
    }
}
