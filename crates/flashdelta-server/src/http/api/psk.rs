//! Pre-shared keys of devices, for DTLS.

use axum::Json;
use serde::Serialize;

use super::super::access::By;
use super::super::body::At;
use crate::auth::Psk;
use crate::Error;

pub(super) async fn get(By(by): By, At(id): At<String>) -> Result<Json<Psk>, Error> {
    by.tenant.psk(&id).await.map(Json)
}

#[derive(Serialize)]
pub(super) struct Renewed {
    identity: String,
    /// In hexadecimal digits; shown this once.
    key: String,
}

pub(super) async fn post(By(by): By, At(id): At<String>) -> Result<Json<Renewed>, Error> {
    let new = by.tenant.renew_psk(by.who(), &id).await?;
    Ok(Json(Renewed { key: new.reveal(), identity: new.identity }))
}

#[derive(Serialize)]
pub(super) struct Revoked {
    device: String,
}

pub(super) async fn delete(By(by): By, At(id): At<String>) -> Result<Json<Revoked>, Error> {
    by.tenant.remove_psk(by.who(), &id).await?;
    Ok(Json(Revoked { device: id }))
}
