//! Keys and signatures.

use flashdelta::sign::{
    self as signing, KeyError, PrivateKey, PublicKey, SealError, SignError, TrustedKeys,
};
use flashdelta::verify::Algorithm;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors;
use crate::source::Source;

/// The keys that are trusted, from PEM.
pub(crate) fn trusted(py: Python<'_>, pems: &[String]) -> PyResult<Option<TrustedKeys>> {
    if pems.is_empty() {
        return Ok(None);
    }
    let keys = pems.iter().map(|pem| PublicKey::from_pem(pem));
    let keys = keys.collect::<Result<Vec<_>, KeyError>>();
    keys.map(|keys| Some(TrustedKeys::new(keys))).map_err(|error| key(py, error))
}

/// A new key: private and public half in PEM.
#[pyfunction]
pub(crate) fn generate_key(py: Python<'_>, algorithm: &str) -> PyResult<(String, String)> {
    let algorithm = match algorithm {
        "ed25519" => Algorithm::Ed25519,
        "p256" => Algorithm::P256,
        other => {
            let message = format!("no such algorithm: {other:?}; choose one of ed25519, p256");
            return Err(errors::option(py, &message));
        }
    };
    let made = PrivateKey::generate(algorithm).map_err(|error| key(py, error))?;
    Ok((made.to_pem(), made.public().to_pem()))
}

/// Algorithm and id of a public key, or of the public half of a private one; and the public key.
#[pyfunction]
pub(crate) fn key_fields(
    py: Python<'_>,
    pem: &str,
    private: bool,
) -> PyResult<(&'static str, Vec<u8>, String)> {
    let public = match private {
        true => PrivateKey::from_pem(pem).map(|key| key.public()),
        false => PublicKey::from_pem(pem),
    };
    let public = public.map_err(|error| key(py, error))?;
    Ok((public.algorithm().name(), public.key_id().to_vec(), public.to_pem()))
}

/// The patch with one more signature.
#[pyfunction]
pub(crate) fn sign_patch<'py>(
    py: Python<'py>,
    patch: &Bound<'py, PyAny>,
    pem: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let patch = Source::of(patch, "patch")?;
    let private = PrivateKey::from_pem(pem).map_err(|error| key(py, error))?;
    let signed = signing::sign(&patch, &private).map_err(|error| seal(py, &error))?;
    Ok(PyBytes::new(py, &signed))
}

/// What is to be signed.
#[pyfunction]
pub(crate) fn sign_message<'py>(
    py: Python<'py>,
    patch: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let patch = Source::of(patch, "patch")?;
    let message = signing::message(&patch).map_err(|error| seal(py, &error))?;
    Ok(PyBytes::new(py, &message))
}

/// The patch with a signature that was made somewhere else.
#[pyfunction]
pub(crate) fn attach_signature<'py>(
    py: Python<'py>,
    patch: &Bound<'py, PyAny>,
    signature: &[u8],
    pem: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let patch = Source::of(patch, "patch")?;
    let public = PublicKey::from_pem(pem).map_err(|error| key(py, error))?;
    let signed = signing::attach_made(&patch, signature, &public);
    let signed = signed.map_err(|error| match &error {
        SignError::Seal(error) => seal(py, error),
        _ => errors::signing(py, error.code(), error.remedy(), &error.to_string()),
    })?;
    Ok(PyBytes::new(py, &signed))
}

/// The signatures of a patch: algorithm and key id of each, not checked.
#[pyfunction]
pub(crate) fn signatures(
    py: Python<'_>,
    patch: &Bound<'_, PyAny>,
) -> PyResult<Vec<(String, Vec<u8>)>> {
    let patch = Source::of(patch, "patch")?;
    let found = signing::signatures(&patch).map_err(|error| seal(py, &error))?;
    let name = |number: u8| {
        Algorithm::from_number(number).map_or_else(|| number.to_string(), |a| a.name().to_owned())
    };
    Ok(found.iter().map(|s| (name(s.algorithm), s.key_id.to_vec())).collect())
}

pub(crate) fn key(py: Python<'_>, error: KeyError) -> PyErr {
    errors::signing(py, error.code(), error.remedy(), &error.to_string())
}

fn seal(py: Python<'_>, error: &SealError) -> PyErr {
    match error {
        SealError::Header(error) => errors::header(py, *error),
        _ => errors::signing(py, error.code(), error.remedy(), &error.to_string()),
    }
}
