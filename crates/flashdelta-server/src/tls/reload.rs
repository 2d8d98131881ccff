//! Files of TLS that change while the server runs: a certificate that was renewed, a list with one
//! more device that is revoked.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use axum_server::tls_rustls::RustlsConfig;

use super::{server_config, Authorities};
use crate::config::Config;
use crate::Error;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(5);

/// Looks after the files until it is dropped. Connections that are made from then on have what is
/// in them; and each request is checked with the authorities and the lists that there are.
///
/// What is wrong changes nothing, but the log: half of a certificate and its key, perhaps.
pub(crate) async fn keep_fresh(
    config: Config,
    served: RustlsConfig,
    set_authorities: impl Fn(Authorities),
) {
    let config = &config;
    let mut seen = Seen::of(config);
    loop {
        tokio::time::sleep(LOOK).await;
        // Before they are read: what changes then is seen the next time.
        let now = Seen::of(config);
        if now == seen {
            continue;
        }
        seen = now;
        match read(config) {
            Ok((authorities, tls)) => {
                set_authorities(authorities);
                served.reload_from_config(Arc::new(tls));
                tracing::info!("certificates were read anew");
            }
            Err(error) => tracing::error!(%error, "certificates stay as they were"),
        }
    }
}

fn read(config: &Config) -> Result<(Authorities, rustls::ServerConfig), Error> {
    let authorities = Authorities::open(config)?;
    let none = PathBuf::new();
    let [cert, key] =
        [&config.tls_cert, &config.tls_key].map(|path| path.as_ref().unwrap_or(&none));
    let tls = server_config(cert, key, &authorities)?;
    Ok((authorities, tls))
}

/// When the files were written, and their sizes; `None`: it is not there just now.
#[derive(PartialEq, Eq)]
struct Seen(Vec<Option<(SystemTime, u64)>>);

impl Seen {
    fn of(config: &Config) -> Self {
        let stamp = |path: &Path| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        let authorities = config.client_ca.iter().map(|text| Authorities::named(text).1);
        let own = [&config.tls_cert, &config.tls_key].into_iter().flatten();
        let paths = own.chain(&config.client_crl).map(PathBuf::as_path).chain(authorities);
        Self(paths.map(stamp).collect())
    }
}
