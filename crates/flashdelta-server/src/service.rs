//! What all parts of a server share.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::audit::SERVER;
use crate::auth::{NewToken, Password, Role, Secret, TokenKind};
use crate::catalogue::States;
use crate::config::{Config, FIRST_TENANT};
use crate::contents::Contents;
use crate::database::Database;
use crate::jobs::{Bell, Signer, Worker};
use crate::limits::Limiter;
use crate::metrics::Metrics;
use crate::tls::Authorities;
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
    signer: Option<Signer>,
    /// They are read anew when their files change.
    authorities: RwLock<Arc<Authorities>>,
    metrics: Metrics,
    /// Requests that may run at the same time.
    slots: Arc<Semaphore>,
    devices: Limiter,
    blocks: Limiter,
    strangers: Limiter,
    sign_ins: Limiter,
}

/// Workers that run; dropped, they end, and what they were at is taken by others.
pub struct Workers(#[allow(dead_code)] JoinSet<()>);

/// The operator that there is from the start.
const FIRST_OPERATOR: &str = "admin";

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
        Ok(Self(Arc::new(Parts {
            config: config.clone(),
            database,
            contents,
            states: States::default(),
            bell: Arc::default(),
            signer: Signer::open(&config.jobs)?,
            authorities: RwLock::new(Arc::new(Authorities::open(config)?)),
            metrics: Metrics::default(),
            slots: Arc::new(Semaphore::new(config.max_requests)),
            devices: Limiter::new(config.device_requests),
            blocks: Limiter::new(config.coap_blocks),
            strangers: Limiter::new(config.failed_requests),
            sign_ins: Limiter::of_guesses(config.sign_ins),
        })))
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

    /// Who issues certificates of devices.
    pub(crate) fn authorities(&self) -> Arc<Authorities> {
        Arc::clone(&self.0.authorities.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these do.
    pub(crate) fn set_authorities(&self, authorities: Authorities) {
        let mut all = self.0.authorities.write().unwrap_or_else(PoisonError::into_inner);
        *all = Arc::new(authorities);
    }

    /// What plans are made with.
    pub(crate) fn states(&self) -> &States {
        &self.0.states
    }

    /// What rings when there are jobs, and when they end.
    pub(crate) fn bell(&self) -> &Bell {
        &self.0.bell
    }

    /// What happened in this process.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// A place for one more request; `None`: there are too many.
    pub(crate) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.slots).try_acquire_owned().ok()
    }

    /// Limits of devices, by the ids of their tokens.
    pub(crate) fn device_limiter(&self) -> &Limiter {
        &self.0.devices
    }

    /// Limits of blocks by CoAP, by the addresses of those who ask.
    pub(crate) fn block_limiter(&self) -> &Limiter {
        &self.0.blocks
    }

    /// Limits of those that have no token, or a wrong one, by their addresses.
    pub(crate) fn stranger_limiter(&self) -> &Limiter {
        &self.0.strangers
    }

    /// Limits of those who sign in, by the names that they give.
    pub(crate) fn sign_in_limiter(&self) -> &Limiter {
        &self.0.sign_ins
    }

    /// Starts this many workers.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn start_workers(&self, count: usize) -> Result<Workers, Error> {
        let mut workers = JoinSet::new();
        let Parts { config, database, contents, bell, signer, .. } = &*self.0;
        for _ in 0..count {
            let (database, contents) = (database.clone(), contents.clone());
            let (signer, bell) = (signer.clone(), Arc::clone(bell));
            workers.spawn(Worker::new(database, contents, &config.jobs, signer, bell)?.run());
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

    /// Enters the operator `admin` of the first tenant, and gives the password; `None`: one with
    /// that name is there already, and stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn first_operator(&self) -> Result<Option<Password>, Error> {
        let tenant = self.database().tenant(FIRST_TENANT).await?;
        if tenant.operators().await?.iter().any(|operator| operator.name == FIRST_OPERATOR) {
            return Ok(None);
        }
        let password = Password::generate()?;
        tenant.put_operator(SERVER, FIRST_OPERATOR, Role::Admin, password.clone()).await?;
        Ok(Some(password))
    }
}
