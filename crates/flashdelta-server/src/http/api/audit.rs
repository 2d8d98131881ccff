//! Who changed what.

use axum::Json;
use serde::Deserialize;

use super::super::access::By;
use super::super::body::Asked;
use crate::audit::Entry;
use crate::Error;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default = "latest")]
    before: i64,
    #[serde(default = "page")]
    limit: u32,
}

fn latest() -> i64 {
    i64::MAX
}

fn page() -> u32 {
    100
}

pub(super) async fn list(
    By(by): By,
    Asked(which): Asked<Which>,
) -> Result<Json<Vec<Entry>>, Error> {
    by.tenant.audit(which.before, which.limit.min(1000)).await.map(Json)
}
