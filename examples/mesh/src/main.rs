//! A group of devices that is updated as one, over UDP multicast. `README.md` says how to run it.

mod board;
mod coordinator;
mod datagram;
mod device;
mod flash;
mod net;
mod patch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Update a group of devices as one, over UDP multicast
#[derive(Parser)]
#[command(name = "mesh")]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    Coordinator(coordinator::Args),
    Device(device::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().role {
        Role::Coordinator(args) => coordinator::run(&args),
        Role::Device(args) => device::run(&args).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("mesh: {error:#}");
        ExitCode::from(2)
    })
}
