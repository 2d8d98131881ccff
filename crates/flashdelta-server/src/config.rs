//! What is set when the server starts.

use core::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Where things are, and limits.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Folder of the database, the contents and files on the way; it is made if it is not there
    #[arg(long, env = "FLASHDELTA_DATA", default_value = "flashdelta-data", value_name = "DIR")]
    pub data: PathBuf,
    /// `sqlite:PATH` or `postgres://…`; without it a file of SQLite in the folder
    #[arg(long, env = "FLASHDELTA_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// Connections to the database
    #[arg(long, default_value_t = 16, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..))]
    pub database_connections: u32,
}

/// How the server listens.
#[derive(Args, Clone, Debug)]
pub struct Listen {
    /// Address and port
    #[arg(
        long,
        env = "FLASHDELTA_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
    /// Seconds that requests have to end when the server is to end
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub grace: u64,
}

impl Config {
    /// The defaults, in this folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), database: None, database_connections: 16 }
    }

    /// The address of the database.
    pub(crate) fn database_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data.join("flashdelta.db").display()))
    }
}
