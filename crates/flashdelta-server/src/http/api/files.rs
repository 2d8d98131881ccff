//! Files: first they are uploaded, then releases name them by digest.

use axum::extract::State;
use axum::Json;
use bytes::Bytes;
use flashdelta_fleet::catalogue::Image;
use flashdelta_fleet::Digest;
use serde::Deserialize;

use super::super::access::By;
use super::super::body::{Asked, At};
use crate::{Error, Service};

#[derive(Deserialize)]
pub(super) struct Called {
    /// What the file is called.
    name: String,
}

pub(super) async fn post(
    State(service): State<Service>,
    By(by): By,
    Asked(called): Asked<Called>,
    bytes: Bytes,
) -> Result<Json<Image>, Error> {
    by.tenant.add_file(service.contents(), by.who(), &called.name, bytes).await.map(Json)
}

pub(super) async fn get(By(by): By, At(sha256): At<Digest>) -> Result<Json<Image>, Error> {
    Ok(Json(by.tenant.file(&sha256).await?.image))
}
