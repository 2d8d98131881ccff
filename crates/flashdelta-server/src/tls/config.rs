//! What a server of TLS is set up with.

use std::path::Path;
use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::ServerConfig;

use super::Authorities;
use crate::{keys, Error};

/// TLS with the certificates and the key in these files, that asks for certificates of devices
/// where there are authorities for them.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Bad`], if a file has something else.
pub(crate) fn server(
    cert: &Path,
    key: &Path,
    authorities: &Authorities,
) -> Result<RustlsConfig, Error> {
    Ok(RustlsConfig::from_config(Arc::new(server_config(cert, key, authorities)?)))
}

pub(super) fn server_config(
    cert: &Path,
    key: &Path,
    authorities: &Authorities,
) -> Result<ServerConfig, Error> {
    let wrong = |path: &Path, found: &dyn core::fmt::Display| {
        let found = format!("{}: {found}", path.display());
        Error::bad("TLS", found, "certificates and their private key in PEM")
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&keys::read(cert)?).collect();
    let chain = chain.map_err(|error| wrong(cert, &error))?;
    let private = PrivateKeyDer::from_pem_slice(&keys::read(key)?);
    let private = private.map_err(|error| wrong(key, &error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(cert, &error))?;
    let builder = match authorities.is_empty() {
        true => builder.with_no_client_auth(),
        false => builder.with_client_cert_verifier(authorities.verifier()),
    };
    let config = builder.with_single_cert(chain, private);
    let mut config = config.map_err(|error| wrong(cert, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
