//! Browsers that are signed in.

use sha2::{Digest as _, Sha256};

use super::secret::hash;
use super::{Caller, Password, Secret, TokenKind};
use crate::database::{column, scoped, Database, Tenant};
use crate::hex::hex;
use crate::time::now;
use crate::Error;

/// A session that has begun.
pub(crate) struct Session {
    /// For the cookie.
    pub(crate) secret: Secret,
}

/// How long a session lasts, in milliseconds.
const LENGTH: i64 = 12 * 60 * 60 * 1000;

impl Session {
    /// Seconds that it lasts.
    pub(crate) const SECONDS: i64 = LENGTH / 1000;
}

/// What a form of this session has to say: another site can have a browser send a form with the
/// cookie, but does not know this.
pub(crate) fn csrf_of(secret: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"flashdelta form\0");
    hash.update(secret);
    hex(&hash.finalize())
}

impl Tenant {
    /// Begins a session, if the password is right.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthorized`], if it is not, or there is no such operator.
    pub(crate) async fn sign_in(&self, name: &str, password: String) -> Result<Session, Error> {
        let role = self.role_by_password(name, password).await?;
        if role.is_none() {
            return Err(Error::Unauthorized);
        }
        let secret = Secret::of_session()?;
        let mut transaction = self.begin().await?;
        transaction
            .sql(scoped!("DELETE FROM sessions WHERE tenant = $1 AND ends < $2"))
            .bind(now())
            .execute(&mut transaction)
            .await?;
        transaction
            .sql(scoped!(
                "INSERT INTO sessions (tenant, hash, operator, ends) VALUES ($1, $2, $3, $4)"
            ))
            .bind(hash(secret.reveal()))
            .bind(name.to_owned())
            .bind(now() + LENGTH)
            .execute(&mut transaction)
            .await?;
        transaction.note(name, "signed in", name, "").await?;
        transaction.commit().await?;
        Ok(Session { secret })
    }

    /// Ends a session.
    pub(crate) async fn sign_out(&self, secret: &str) -> Result<(), Error> {
        self.sql(scoped!("DELETE FROM sessions WHERE tenant = $1 AND hash = $2"))
            .bind(hash(secret))
            .execute(self)
            .await
            .map(|_| ())
    }

    /// Gives an operator another password, if the one before is right. All sessions end.
    ///
    /// # Errors
    ///
    /// [`Error::Bad`].
    pub(crate) async fn change_password(
        &self,
        name: &str,
        before: String,
        password: Password,
    ) -> Result<(), Error> {
        match self.role_by_password(name, before).await? {
            Some(role) => self.put_operator(name, name, role, password).await,
            None => Err(Error::bad("password", "another one", "the one that you have now")),
        }
    }
}

impl Database {
    /// Whose session this is, if it has not ended.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthorized`].
    pub(crate) async fn signed_in(&self, secret: &str) -> Result<Caller, Error> {
        let found = self.unscoped(
            "SELECT operators.tenant, operators.name, role, tenants.name FROM sessions \
             JOIN operators ON operators.tenant = sessions.tenant AND operators.name = operator \
             JOIN tenants ON tenants.id = sessions.tenant WHERE hash = $1 AND ends > $2",
        );
        let row = found.bind(hash(secret)).bind(now()).optional(self).await?;
        let row = row.ok_or(Error::Unauthorized)?;
        Ok(Caller {
            tenant: self.known_tenant(column(&row, 0)?, &column::<String>(&row, 3)?),
            token: column(&row, 1)?,
            kind: TokenKind::Operator,
            role: column::<String>(&row, 2)?.parse()?,
            device: String::new(),
        })
    }
}
