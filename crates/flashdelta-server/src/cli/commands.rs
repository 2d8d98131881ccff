//! The commands of the program.

use clap::{Args, Parser, Subcommand};

use super::{clean, demo, log, operator, psk, serve, tenant, token, worker};
use crate::{jobs, Error};

/// Update service: firmware deltas on demand, for each device its own
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Serve,
    #[command(flatten)]
    log: log::Log,
}

#[derive(Subcommand)]
enum Command {
    /// Serve; what happens without a command, too
    Serve(Logged<serve::Serve>),
    /// Make patches, for servers on the same database and store
    Worker(Logged<worker::Worker>),
    /// Show what it does: a service with devices that are made up
    Demo(Logged<demo::Demo>),
    /// Remove what nobody needs any more: files that no release names, patches between them, and
    /// contents of the store that the database does not name
    Clean(clean::Clean),
    /// Make one patch, for a worker
    #[command(hide = true)]
    MakePatch,
    /// Operators, who use the pages with a password
    Operator(operator::Operator),
    /// Tokens of operators and gateways
    Token(token::Token),
    /// Pre-shared keys of devices, for DTLS
    Psk(psk::Psk),
    /// Tenants
    Tenant(tenant::Tenant),
}

#[derive(Args)]
struct Logged<T: Args> {
    #[command(flatten)]
    command: T,
    #[command(flatten)]
    log: log::Log,
}

/// Runs the program with the arguments that it was started with.
///
/// # Errors
///
/// [`Error`], to be shown.
pub async fn run() -> Result<(), Error> {
    let program = Program::parse();
    match program.command {
        None => {
            program.log.start("info");
            program.serve.run().await
        }
        Some(Command::Serve(serve)) => {
            serve.log.start("info");
            serve.command.run().await
        }
        Some(Command::Worker(worker)) => {
            worker.log.start("info");
            worker.command.run().await
        }
        Some(Command::Demo(demo)) => {
            demo.log.start("warn");
            demo.command.run().await
        }
        Some(Command::MakePatch) => std::process::exit(jobs::make_patch()?),
        Some(Command::Clean(clean)) => clean.run().await,
        Some(Command::Operator(operator)) => operator.run().await,
        Some(Command::Token(token)) => token.run().await,
        Some(Command::Psk(psk)) => psk.run().await,
        Some(Command::Tenant(tenant)) => tenant.run().await,
    }
}
