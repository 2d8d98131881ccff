//! What all parts of a server share.

use std::path::Path;
use std::sync::Arc;

use flashdelta::sign::PrivateKey;
use tokio::task::JoinSet;

use crate::auth::{NewToken, Role, Secret, TokenKind};
use crate::catalogue::States;
use crate::config::Config;
use crate::contents::Contents;
use crate::database::Database;
use crate::jobs::{Bell, Worker};
use crate::Error;

/// What all parts of a server share. A clone is the same.
#[derive(Clone)]
pub struct Service(Arc<Parts>);

struct Parts {
    config: Config,
    database: Database,
    contents: Contents,
    states: States,
    bell: Arc<Bell>,
    key: Option<Arc<PrivateKey>>,
}

/// Workers that run; dropped, they end, and what they were at is taken by others.
pub struct Workers(#[allow(dead_code)] JoinSet<()>);

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
        let contents = Contents::open(config.store.as_deref(), &config.data.join("contents"))?;
        let key = config.jobs.signing_key.as_deref().map(read_key).transpose()?.map(Arc::new);
        let (config, states, bell) = (config.clone(), States::default(), Arc::default());
        Ok(Self(Arc::new(Parts { config, database, contents, states, bell, key })))
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// What was set.
    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Files and patches.
    pub(crate) fn contents(&self) -> &Contents {
        &self.0.contents
    }

    /// What plans are made with.
    pub(crate) fn states(&self) -> &States {
        &self.0.states
    }

    /// What rings when there are jobs, and when they end.
    pub(crate) fn bell(&self) -> &Bell {
        &self.0.bell
    }

    pub(crate) fn count_report(&self, _: crate::devices::ActionState) {}

    pub(crate) fn count_sent(&self, _: &'static str, _: u64) {}

    /// Starts this many workers.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn start_workers(&self, count: usize) -> Result<Workers, Error> {
        let mut workers = JoinSet::new();
        let Parts { config, database, contents, bell, key, .. } = &*self.0;
        for _ in 0..count {
            let (database, contents) = (database.clone(), contents.clone());
            let (key, bell) = (key.clone(), Arc::clone(bell));
            workers.spawn(Worker::new(database, contents, &config.jobs, key, bell)?.run());
        }
        Ok(Workers(workers))
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

fn read_key(path: &Path) -> Result<PrivateKey, Error> {
    let pem = std::fs::read_to_string(path).map_err(Error::io(path.display()))?;
    PrivateKey::from_pem(&pem).map_err(|error| {
        Error::bad("signing key", format!("{}: {error}", path.display()), "a private key in PEM")
    })
}
