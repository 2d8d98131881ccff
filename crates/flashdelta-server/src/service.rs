//! What all parts of a server share.

use std::sync::Arc;

use crate::auth::{NewToken, Role, Secret, TokenKind};
use crate::config::Config;
use crate::database::Database;
use crate::Error;

/// What all parts of a server share. A clone is the same.
#[derive(Clone)]
pub struct Service(Arc<Parts>);

struct Parts {
    database: Database,
}

/// The tenant that there is from the start.
pub(crate) const FIRST_TENANT: &str = "default";

impl Service {
    /// Opens the database and the store, and brings both up to date.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn open(config: &Config) -> Result<Self, Error> {
        std::fs::create_dir_all(&config.data).map_err(Error::io(config.data.display()))?;
        let database = Database::open(&config.database_url(), config.database_connections).await?;
        Ok(Self(Arc::new(Parts { database })))
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// Makes the first tenant, and gives the first operator's token, if there was none yet.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn first_token(&self) -> Result<Option<Secret>, Error> {
        let database = self.database();
        if database.has_tokens().await? {
            return Ok(None);
        }
        let tenant = match database.add_tenant(FIRST_TENANT).await {
            Err(Error::Exists { .. }) => database.tenant(FIRST_TENANT).await?,
            added => added?,
        };
        let token = NewToken {
            kind: TokenKind::Operator,
            role: Role::Admin,
            device: "",
            name: "made at the first start",
        };
        Ok(Some(tenant.add_token(&token).await?.1))
    }
}
