//! Whose tokens, keys or operators a command is about.

use clap::Args;

use crate::config::{Config, FIRST_TENANT};
use crate::database::Tenant;
use crate::{Error, Service};

#[derive(Args)]
pub(super) struct Whose {
    #[command(flatten)]
    config: Config,
    /// The tenant that it is about
    #[arg(long, default_value = FIRST_TENANT, value_name = "NAME")]
    tenant: String,
}

impl Whose {
    /// The tenant.
    pub(super) async fn open(&self) -> Result<Tenant, Error> {
        Service::open(&self.config).await?.database().tenant(&self.tenant).await
    }

    /// The tenant; the first one is made, if it is not there before the first start.
    pub(super) async fn open_early(&self) -> Result<Tenant, Error> {
        let service = Service::open(&self.config).await?;
        match service.database().tenant(&self.tenant).await {
            Err(Error::NotFound { .. }) if self.tenant == FIRST_TENANT => {
                service.database().add_tenant(FIRST_TENANT).await
            }
            found => found,
        }
    }
}
