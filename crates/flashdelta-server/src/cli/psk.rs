//! `psk`

use clap::{Args, Subcommand};

use super::whose::Whose;
use crate::audit::SERVER;
use crate::Error;

#[derive(Args)]
pub(super) struct Psk {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key for a device, in place of the one that it had; identity and key are shown this
    /// once
    Add {
        /// The id of the device
        device: String,
    },
    /// Show the identity of a device
    Show {
        /// The id of the device
        device: String,
    },
    /// Revoke the key of a device
    Remove {
        /// The id of the device
        device: String,
    },
}

impl Psk {
    pub(super) async fn run(self) -> Result<(), Error> {
        let tenant = self.whose.open().await?;
        match self.command {
            Command::Add { device } => {
                let new = tenant.renew_psk(SERVER, &device).await?;
                println!("{}\t{}", new.identity, new.reveal());
            }
            Command::Show { device } => println!("{}", tenant.psk(&device).await?.identity),
            Command::Remove { device } => tenant.remove_psk(SERVER, &device).await?,
        }
        Ok(())
    }
}
