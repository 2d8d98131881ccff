//! Limits of workers.

use core::time::Duration;
use std::path::PathBuf;

use clap::Args;

/// How patches are made.
#[derive(Args, Clone, Debug)]
pub struct JobLimits {
    /// Memory that the making of a patch may take, in MiB
    #[arg(long, default_value_t = 2048, value_name = "MIB")]
    pub job_memory: u64,
    /// Seconds that the making of a patch may take
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    pub job_seconds: u64,
    /// Seconds until a job of a worker that does not answer is taken by another one
    #[arg(
        long,
        default_value_t = 30,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(3..)
    )]
    pub lease_seconds: u64,
    /// PEM file of the private key that signs patches; without it they are not signed
    #[arg(long, env = "FLASHDELTA_SIGNING_KEY", value_name = "FILE")]
    pub signing_key: Option<PathBuf>,
    /// Program and arguments, between blanks, that sign in place of a key: it reads the message of
    /// 48 bytes from its standard input, and writes the signature, raw or in DER
    #[arg(
        long,
        env = "FLASHDELTA_SIGNING_COMMAND",
        value_name = "COMMAND",
        requires = "signing_public",
        conflicts_with = "signing_key"
    )]
    pub signing_command: Option<String>,
    /// PEM file of the public key of the command, with which its signatures are checked
    #[arg(
        long,
        env = "FLASHDELTA_SIGNING_PUBLIC",
        value_name = "FILE",
        requires = "signing_command"
    )]
    pub signing_public: Option<PathBuf>,
}

impl Default for JobLimits {
    fn default() -> Self {
        Self {
            job_memory: 2048,
            job_seconds: 600,
            lease_seconds: 30,
            signing_key: None,
            signing_command: None,
            signing_public: None,
        }
    }
}

impl JobLimits {
    pub(super) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    pub(super) fn time(&self) -> Duration {
        Duration::from_secs(self.job_seconds)
    }
}
