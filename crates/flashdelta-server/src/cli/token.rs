//! `token`

use clap::{Args, Subcommand};

use super::whose::Whose;
use crate::audit::SERVER;
use crate::auth::{NewToken, Role, TokenKind};
use crate::Error;

#[derive(Args)]
pub(super) struct Token {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a token; it is shown this once
    Add {
        /// What it is for: operator or gateway
        #[arg(long, default_value = "operator")]
        kind: TokenKind,
        /// What an operator may do: metrics, viewer, editor or admin
        #[arg(long, default_value = "viewer")]
        role: Role,
        /// What people call it
        name: String,
    },
    /// List the tokens, without their secrets
    List,
    /// Revoke a token
    Remove {
        /// The id, as `list` shows it
        id: String,
    },
}

impl Token {
    pub(super) async fn run(self) -> Result<(), Error> {
        let tenant = self.whose.open().await?;
        match self.command {
            Command::Add { kind: TokenKind::Device, .. } => {
                let expected = "operator or gateway; devices get theirs by the API";
                return Err(Error::bad("kind", "device", expected));
            }
            Command::Add { kind, role, name } => {
                let token = NewToken { kind, role, device: "", name: &name };
                println!("{}", tenant.add_token(&token).await?.1.reveal());
            }
            Command::List => {
                for token in tenant.tokens().await? {
                    println!("{}\t{}\t{}\t{}", token.id, token.kind, token.role, token.name);
                }
            }
            Command::Remove { id } => tenant.remove_token(SERVER, &id).await?,
        }
        Ok(())
    }
}
