//! The commands below it.

use clap::Subcommand;

use super::answers::print_list;
use super::client::{Client, ServerArgs};
use super::{devices, products, releases, rollouts, tokens};
use crate::failure::Outcome;

const HELP: &str = "\
Examples:
  export FLASHDELTA_SERVER=https://updates.example FLASHDELTA_TOKEN=fdo_...
  flashdelta fleet products add heron
  flashdelta fleet releases upload heron 1.1 app.hex
  flashdelta fleet rollouts create heron 1.1 --share 10
  flashdelta fleet devices next h-17
      What it gets, and why.
  flashdelta fleet rollouts stage heron \"to 1.1\" 50";

/// An update service: products, releases, devices, roll-outs, tokens
///
/// A server is flashdelta-server; what it cannot do, this cannot.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    /// Answer in JSON, as the server does
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: FleetCommand,
}

#[derive(Subcommand)]
enum FleetCommand {
    /// Products
    #[command(subcommand)]
    Products(products::Command),
    /// Releases of a product
    #[command(subcommand)]
    Releases(releases::Command),
    /// Devices
    #[command(subcommand)]
    Devices(devices::Command),
    /// Roll-outs: how a release comes to devices
    #[command(subcommand)]
    Rollouts(rollouts::Command),
    /// Tokens of programs and gateways
    #[command(subcommand)]
    Tokens(tokens::Command),
    /// What deltas have saved, by product
    Savings,
    /// Who changed what, latest first
    Audit,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let client: Client = self.server.client()?;
        match self.command {
            FleetCommand::Products(command) => command.run(&client, self.json),
            FleetCommand::Releases(command) => command.run(&client, self.json),
            FleetCommand::Devices(command) => command.run(&client, self.json),
            FleetCommand::Rollouts(command) => command.run(&client, self.json),
            FleetCommand::Tokens(command) => command.run(&client, self.json),
            FleetCommand::Savings => {
                let fields = ["product", "updates", "bytes", "whole_bytes"];
                print_list(&client.get("/v1/savings")?, self.json, fields, "no update yet")
            }
            FleetCommand::Audit => {
                let fields = ["number", "who", "what", "subject"];
                print_list(&client.get("/v1/audit")?, self.json, fields, "no entry")
            }
        }
    }
}
