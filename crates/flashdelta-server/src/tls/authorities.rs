//! Whose certificates are trusted, by tenants.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::WebPkiClientVerifier;
use rustls::RootCertStore;
use x509_cert::der::Decode as _;

use super::verifier::AnyTenant;
use crate::config::{Config, FIRST_TENANT};
use crate::{keys, Error};

/// The authorities of each tenant.
#[derive(Debug)]
pub(crate) struct Authorities(Vec<(String, Arc<dyn ClientCertVerifier>)>);

/// Whom a certificate names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Certified {
    pub(crate) tenant: String,
    pub(crate) device: String,
}

impl Authorities {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Bad`], if a file has something else.
    pub(crate) fn open(config: &Config) -> Result<Self, Error> {
        let mut revoked = Vec::new();
        for path in &config.client_crl {
            let pem = keys::read(path)?;
            let lists: Result<Vec<_>, _> =
                CertificateRevocationListDer::pem_slice_iter(&pem).collect();
            let found = lists.map_err(|error| wrong("client CRL", path, &error))?;
            if found.is_empty() {
                return Err(wrong("client CRL", path, &"no list of revoked certificates in PEM"));
            }
            revoked.extend(found);
        }
        let mut all = Vec::new();
        for text in &config.client_ca {
            let (tenant, path) = Self::named(text);
            all.push((tenant.to_owned(), verifier(path, &revoked)?));
        }
        Ok(Self(all))
    }

    /// The tenant and the file of one.
    pub(super) fn named(text: &str) -> (&str, &Path) {
        let (tenant, path) = text.split_once('=').unwrap_or((FIRST_TENANT, text));
        (tenant, Path::new(path))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the handshake asks: any of them will do.
    pub(super) fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::new(AnyTenant::new(self.0.iter().map(|(_, verifier)| Arc::clone(verifier)).collect()))
    }

    /// Whom a chain of certificates names, the device's first; `None`: it was issued by nobody who
    /// is trusted, or names nobody.
    pub(crate) fn whose(&self, chain: &[Vec<u8>]) -> Option<Certified> {
        let (first, others) = chain.split_first()?;
        let der = |bytes: &Vec<u8>| CertificateDer::from(bytes.clone());
        let (end, others) = (der(first), others.iter().map(der).collect::<Vec<_>>());
        let now = UnixTime::now();
        let is_of = |verifier: &Arc<dyn ClientCertVerifier>| {
            verifier.verify_client_cert(&end, &others, now).is_ok()
        };
        let (tenant, _) = self.0.iter().find(|(_, verifier)| is_of(verifier))?;
        Some(Certified { tenant: tenant.clone(), device: common_name(first)? })
    }
}

/// The common name of the subject.
fn common_name(certificate: &[u8]) -> Option<String> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let name = certificate.tbs_certificate().subject().common_name().ok()??;
    Some(name.value().into_owned())
}

fn verifier(
    path: &Path,
    revoked: &[CertificateRevocationListDer<'static>],
) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let wrong = |error: &dyn core::fmt::Display| wrong("client CA", path, error);
    let pem = keys::read(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    let provider = Arc::new(default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    // Of authorities without a list nothing is revoked.
    let builder = builder.with_crls(revoked.iter().cloned()).allow_unknown_revocation_status();
    builder.build().map_err(|error| wrong(&error))
}

fn wrong(what: &'static str, path: &Path, found: &dyn core::fmt::Display) -> Error {
    Error::bad(what, format!("{}: {found}", path.display()), "certificates or lists in PEM")
}
