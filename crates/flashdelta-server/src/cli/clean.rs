//! `clean`

use clap::Args;

use crate::clean::clean;
use crate::config::Config;
use crate::time::now;
use crate::{Error, Service};

#[derive(Args)]
pub(super) struct Clean {
    #[command(flatten)]
    config: Config,
    /// What was written in this many last hours stays
    #[arg(long, default_value_t = 7 * 24, value_name = "HOURS")]
    keep: u32,
}

impl Clean {
    pub(super) async fn run(self) -> Result<(), Error> {
        let service = Service::open(&self.config).await?;
        let moment = now() - i64::from(self.keep) * 60 * 60 * 1000;
        for tenant in service.database().tenants().await? {
            let cleaned = clean(&service, &tenant, moment).await?;
            println!(
                "{}: {} files, {} patches; {} contents of the store, {} bytes",
                tenant.name(),
                cleaned.files,
                cleaned.patches,
                cleaned.contents,
                cleaned.bytes
            );
        }
        Ok(())
    }
}
