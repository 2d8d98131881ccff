//! The repository's chores: `cargo xtask test`, and what `cargo xtask help` lists.

mod c;
mod c_build;
mod c_package;
mod c_sets;
mod coap;
mod command;
mod debian;
mod device;
mod dist;
mod embassy;
mod esp_idf;
mod figures;
mod fresh;
mod fuzz;
mod header;
mod hostile_pairs;
mod micropython;
mod mqtt;
mod peers;
mod python;
mod rust;
mod server;
mod setup;
mod steps;
mod test;
mod venv;
mod wasm;
mod width;
mod zephyr;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The repository's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what the tests need and this machine lacks (Debian, as root or with sudo)
    Setup,
    Test(test::Args),
    Fresh(fresh::Args),
    Ci(fresh::CiArgs),
    Peers(peers::Args),
    Device(device::Args),
    /// Write shell completions, man pages and the C libraries to target/dist
    Dist,
    Header(header::Args),
    EspIdf(esp_idf::Args),
    Fuzz(fuzz::Args),
    HostilePairs(hostile_pairs::Args),
    /// Build the npm package and the page for browsers: target/wasm/dist
    ///
    /// `flashdelta-VERSION.tgz` is what npm publishes, `web/` a folder for any web server.
    Wasm,
    Datagrams(server::Datagrams),
    Load(server::Load),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Setup => setup::run(),
        Chore::Test(args) => test::run(&args),
        Chore::Fresh(args) => fresh::run(&args),
        Chore::Ci(fresh::CiArgs {}) => fresh::ci(),
        Chore::Peers(args) => peers::run(&args),
        Chore::Device(args) => device::run(&args),
        Chore::Dist => dist::run(),
        Chore::Header(args) => header::run(&args),
        Chore::EspIdf(args) => esp_idf::run(&args),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::HostilePairs(args) => hostile_pairs::run(&args),
        Chore::Wasm => wasm::run(),
        Chore::Datagrams(args) => server::datagrams(&args),
        Chore::Load(args) => server::load(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
