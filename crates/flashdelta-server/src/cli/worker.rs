//! `worker` and `make-patch`

use clap::Args;

use crate::config::Config;
use crate::serve::interrupted;
use crate::{Error, Service};

#[derive(Args)]
pub(super) struct Worker {
    #[command(flatten)]
    config: Config,
}

impl Worker {
    pub(super) async fn run(self) -> Result<(), Error> {
        let workers = match self.config.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        let service = Service::open(&self.config).await?;
        let running = service.start_workers(workers)?;
        tracing::info!(workers, "working");
        interrupted().await;
        tracing::info!("ending");
        drop(running);
        service.database().close().await;
        Ok(())
    }
}
