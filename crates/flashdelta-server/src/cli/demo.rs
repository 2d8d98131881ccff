//! `demo`

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, Listen};
use crate::{demo, Error};

#[derive(Args)]
pub(super) struct Demo {
    #[command(flatten)]
    listen: Listen,
    /// Folder of the demonstration; it is made if it is not there
    #[arg(long, default_value = "flashdelta-demo", value_name = "DIR")]
    data: PathBuf,
    /// End when all devices have what they are to have
    #[arg(long)]
    once: bool,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Error> {
        demo::run(&Config::new(self.data), &self.listen, self.once).await
    }
}
