//! What changed between two releases.

use axum::extract::State;
use axum::Json;
use flashdelta_fleet::{Name, Version};
use serde::Deserialize;

use super::super::access::By;
use super::super::body::{Asked, At};
use crate::changes::{self, Found};
use crate::{Error, Service};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    from: Version,
    to: Version,
    #[serde(default)]
    component: String,
}

pub(super) async fn get(
    State(service): State<Service>,
    By(by): By,
    At(product): At<Name>,
    Asked(which): Asked<Which>,
) -> Result<Json<Found>, Error> {
    let releases = (&which.from, &which.to);
    changes::find(&service, &by.tenant, &product, releases, &which.component).await.map(Json)
}

/// Has the patch made, so that there is something to be seen.
pub(super) async fn post(
    State(service): State<Service>,
    By(by): By,
    At(product): At<Name>,
    Asked(which): Asked<Which>,
) -> Result<Json<Found>, Error> {
    let releases = (&which.from, &which.to);
    changes::ask(&service, &by.tenant, &product, releases, &which.component).await?;
    changes::find(&service, &by.tenant, &product, releases, &which.component).await.map(Json)
}
