//! Releases.

use axum::extract::State;
use axum::Json;
use bytes::Bytes;
use flashdelta_fleet::catalogue::Release;
use flashdelta_fleet::{Name, Version};
use serde::Serialize;

use super::super::access::By;
use super::super::body::{Asked, At, Body};
use crate::catalogue::NewRelease;
use crate::{Error, Service};

pub(super) async fn list(By(by): By, At(product): At<Name>) -> Result<Json<Vec<Release>>, Error> {
    by.tenant.product(&product).await?;
    by.tenant.releases(&product).await.map(Json)
}

pub(super) async fn put(
    By(by): By,
    At((product, version)): At<(Name, Version)>,
    Body(release): Body<Release>,
) -> Result<Json<Release>, Error> {
    if (&release.product, &release.version) != (&product, &version) {
        let found = format!("{} {}", release.product, release.version);
        return Err(Error::bad("release", found, format!("{product} {version}")));
    }
    by.tenant.put_release(by.who(), release.clone()).await?;
    Ok(Json(release))
}

#[derive(Serialize)]
pub(super) struct Removed {
    version: Version,
}

pub(super) async fn delete(
    By(by): By,
    At((product, version)): At<(Name, Version)>,
) -> Result<Json<Removed>, Error> {
    by.tenant.remove_release(by.who(), &product, &version).await?;
    Ok(Json(Removed { version }))
}

/// The body is the file: a release in one request.
pub(super) async fn post(
    State(service): State<Service>,
    By(by): By,
    At(product): At<Name>,
    Asked(new): Asked<NewRelease>,
    bytes: Bytes,
) -> Result<Json<Release>, Error> {
    by.tenant.add_release(service.contents(), by.who(), product, new, bytes).await.map(Json)
}
