//! Logs, on standard error.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

#[derive(Args)]
pub(super) struct Log {
    /// How lines of the log look
    #[arg(long, env = "FLASHDELTA_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: Format,
    /// What is logged: `info`, `debug`, `flashdelta_server=debug,warn`, …; `info`, of `demo`
    /// `warn`, unless it is said
    #[arg(long, env = "FLASHDELTA_LOG", value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Log {
    /// Starts logging. A filter that cannot be read counts as `usual`, and so does none.
    pub(super) fn start(&self, usual: &str) {
        let filter = EnvFilter::try_new(self.log.as_deref().unwrap_or(usual));
        let filter = filter.unwrap_or_else(|_| EnvFilter::new(usual));
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // Twice is a matter of tests alone.
        let _ = match self.log_format {
            Format::Text => {
                log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
            }
            Format::Json => log.json().flatten_event(true).try_init(),
        };
    }
}
