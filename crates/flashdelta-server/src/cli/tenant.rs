//! `tenant`

use clap::{Args, Subcommand};

use crate::auth::{NewToken, Role, TokenKind};
use crate::config::Config;
use crate::{Error, Service};

#[derive(Args)]
pub(super) struct Tenant {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a tenant, and show the token of its first operator
    Add {
        /// Lower-case letters, digits and -
        name: String,
    },
    /// List the tenants
    List,
}

impl Tenant {
    pub(super) async fn run(self) -> Result<(), Error> {
        let service = Service::open(&self.config).await?;
        match self.command {
            Command::Add { name } => {
                let tenant = service.database().add_tenant(&name).await?;
                let (kind, role) = (TokenKind::Operator, Role::Admin);
                let token = NewToken { kind, role, device: "", name: "made with the tenant" };
                println!("{}", tenant.add_token(&token).await?.1.reveal());
            }
            Command::List => {
                for tenant in service.database().tenants().await? {
                    println!("{}", tenant.name());
                }
            }
        }
        Ok(())
    }
}
