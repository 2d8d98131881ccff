//! Releases.

use axum::extract::State;
use axum::Json;
use bytes::Bytes;
use flashdelta_fleet::catalogue::{Component, HardwareRange, Release};
use flashdelta_fleet::{Name, Version};
use serde::Deserialize;

use super::super::access::By;
use super::super::body::{Asked, At, Body};
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

/// What is said of a release that is one file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    version: Version,
    name: String,
    #[serde(default = "application")]
    component: Name,
    hardware_first: Option<u16>,
    hardware_last: Option<u16>,
    #[serde(default)]
    security_counter: u32,
    #[serde(default)]
    notes: String,
}

fn application() -> Name {
    // Possible always: the tests of names have it.
    Name::new("application").unwrap_or_else(|_| unreachable!())
}

/// The body is the file: a release in one request.
pub(super) async fn post(
    State(service): State<Service>,
    By(by): By,
    At(product): At<Name>,
    Asked(one): Asked<One>,
    bytes: Bytes,
) -> Result<Json<Release>, Error> {
    by.tenant.product(&product).await?;
    let image = by.tenant.add_file(service.contents(), by.who(), &one.name, bytes).await?;
    let hardware = match (one.hardware_first, one.hardware_last) {
        (None, None) => None,
        (first, last) => {
            Some(HardwareRange { first: first.unwrap_or(0), last: last.unwrap_or(u16::MAX) })
        }
    };
    let release = Release {
        hardware,
        security_counter: one.security_counter,
        notes: one.notes,
        ..Release::new(product, one.version).component(Component::new(one.component, image.sha256))
    };
    by.tenant.put_release(by.who(), release.clone()).await?;
    Ok(Json(release))
}
