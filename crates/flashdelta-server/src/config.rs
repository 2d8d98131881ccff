//! What is set when the server starts.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;

use axum::http::header::HOST;
use axum::http::HeaderMap;
use clap::Args;

use crate::jobs::JobLimits;

/// The tenant that there is from the start.
pub(crate) const FIRST_TENANT: &str = "default";

/// Where things are, and limits.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Folder of the database, the contents and files on the way; it is made if it is not there
    #[arg(long, env = "FLASHDELTA_DATA", default_value = "flashdelta-data", value_name = "DIR")]
    pub data: PathBuf,
    /// `sqlite:PATH` or `postgres://…`; without it a file of SQLite in the folder
    #[arg(long, env = "FLASHDELTA_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// `file:///…`, `s3://…`, `gs://…` or `az://…`; without it a folder in the folder
    #[arg(long, env = "FLASHDELTA_STORE", value_name = "URL")]
    pub store: Option<String>,
    /// The largest file that can be uploaded, in MiB
    #[arg(long, default_value_t = 256, value_name = "MIB")]
    pub max_upload: usize,
    /// Workers in this process; of `worker` 0 is one for each processor
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub workers: usize,
    /// How patches are made
    #[command(flatten)]
    pub jobs: JobLimits,
    /// Seconds after which devices get the whole file, if they take it, when a patch is still not
    /// made
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub patience: u64,
    /// The longest that a request waits for a patch, in seconds
    #[arg(long, default_value_t = 20, value_name = "SECONDS")]
    pub longest_wait: u64,
    /// Seconds after which a device is to ask again when a patch is being made
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub retry_seconds: u32,
    /// Seconds between two polls of a device that has nothing to do (DDI)
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    pub poll_seconds: u32,
    /// The address by which devices reach the server, `https://…`; without it the one by which they
    /// say that they do
    #[arg(long, env = "FLASHDELTA_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// PEM file of the certificates, for TLS
    #[arg(long, env = "FLASHDELTA_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the private key of the certificate
    #[arg(long, env = "FLASHDELTA_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// PEM file of the authorities that issue certificates of devices, whose common names are the
    /// ids: of the first tenant, or of TENANT=FILE; once for each
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub client_ca: Vec<String>,
    /// PEM file of certificates of devices that are revoked; once for each
    #[arg(long, value_name = "FILE", requires = "client_ca")]
    pub client_crl: Vec<PathBuf>,
    /// Requests that may run at the same time; more are told to come again
    #[arg(long, default_value_t = 4096, value_name = "NUMBER")]
    pub max_requests: usize,
    /// Requests of a device in a minute; 0 is any number
    #[arg(long, default_value_t = 240, value_name = "NUMBER")]
    pub device_requests: u32,
    /// Blocks by CoAP to one address in a minute, after the first of each transfer; 0 is any number
    #[arg(long, default_value_t = 6000, value_name = "NUMBER")]
    pub coap_blocks: u32,
    /// Requests without a right token from one address in a minute; 0 is any number
    #[arg(long, default_value_t = 600, value_name = "NUMBER")]
    pub failed_requests: u32,
    /// Times that one may try to sign in with a name at once; after that one each minute; 0 is any
    /// number
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    pub sign_ins: u32,
    /// Connections to the database
    #[arg(
        long,
        default_value_t = 16,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(2..)
    )]
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
    /// Seconds after which a connection is closed on which no request has come
    #[arg(long, default_value_t = 75, value_name = "SECONDS")]
    pub header_seconds: u64,
    /// Seconds that requests have to end when the server is to end
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub grace: u64,
}

impl Config {
    /// The defaults, in this folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            database: None,
            store: None,
            max_upload: 256,
            workers: 1,
            jobs: JobLimits::default(),
            patience: 60,
            longest_wait: 20,
            retry_seconds: 10,
            poll_seconds: 300,
            public_url: None,
            tls_cert: None,
            tls_key: None,
            client_ca: Vec::new(),
            client_crl: Vec::new(),
            max_requests: 4096,
            device_requests: 240,
            coap_blocks: 6000,
            failed_requests: 600,
            sign_ins: 10,
            database_connections: 16,
        }
    }

    /// How long devices that take whole files wait for a patch.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }

    /// The address by which a device reaches the server, without a slash at its end.
    pub(crate) fn base(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let scheme = if self.tls_cert.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", host.unwrap_or("localhost"))
    }

    /// Whether browsers reach the server by TLS alone.
    pub(crate) fn is_secure(&self) -> bool {
        let is_https = |url: &String| url.starts_with("https://");
        self.tls_cert.is_some() || self.public_url.as_ref().is_some_and(is_https)
    }

    /// The address of the database.
    pub(crate) fn database_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data.join("flashdelta.db").display()))
    }
}
