//! Devices, as operators see them.

use axum::extract::State;
use axum::Json;
use flashdelta_fleet::catalogue::Device;
use flashdelta_fleet::planner::Plan;
use serde::{Deserialize, Serialize};

use super::super::access::By;
use super::super::body::{Asked, At, Body};
use crate::catalogue::StoredDevice;
use crate::devices::{self, Action, KeptReport, Savings};
use crate::{Error, Service};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default)]
    product: String,
    #[serde(default)]
    search: String,
    #[serde(default)]
    after: String,
    #[serde(default = "page")]
    limit: u32,
}

fn page() -> u32 {
    100
}

pub(super) async fn list(
    By(by): By,
    Asked(which): Asked<Which>,
) -> Result<Json<Vec<StoredDevice>>, Error> {
    let limit = which.limit.min(1000);
    by.tenant.devices(&which.product, &which.search, &which.after, limit).await.map(Json)
}

pub(super) async fn get(By(by): By, At(id): At<String>) -> Result<Json<StoredDevice>, Error> {
    by.tenant.device(&id).await.map(Json)
}

/// A device that was entered.
#[derive(Serialize)]
pub(super) struct Entered {
    device: Device,
    /// Of a new one: its token, which is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

pub(super) async fn put(
    By(by): By,
    At(id): At<String>,
    Body(device): Body<Device>,
) -> Result<Json<Entered>, Error> {
    if device.id != id {
        return Err(Error::bad("id", device.id, id));
    }
    let token = by.tenant.put_device(by.who(), &device).await?;
    Ok(Json(Entered { device, token: token.map(|token| token.reveal().to_owned()) }))
}

/// A plan, with its reasons as people read them.
#[derive(Serialize)]
pub(super) struct Explained {
    #[serde(flatten)]
    plan: Plan,
    why: Vec<String>,
}

/// What a device would get now, and why.
pub(super) async fn plan(
    State(service): State<Service>,
    By(by): By,
    At(id): At<String>,
) -> Result<Json<Explained>, Error> {
    let stored = by.tenant.device(&id).await?;
    let plan = devices::plan(&service, &by.tenant, &stored).await?;
    let why = plan.reasons.iter().map(ToString::to_string).collect();
    Ok(Json(Explained { plan, why }))
}

/// What it was to do, latest first.
pub(super) async fn actions(By(by): By, At(id): At<String>) -> Result<Json<Vec<Action>>, Error> {
    by.tenant.device(&id).await?;
    by.tenant.actions(&id, 100).await.map(Json)
}

/// What it said of one of them, first to last.
pub(super) async fn reports(
    By(by): By,
    At((id, action)): At<(String, i64)>,
) -> Result<Json<Vec<KeptReport>>, Error> {
    let action = by.tenant.action(&id, action).await?;
    by.tenant.reports(&action).await.map(Json)
}

#[derive(Serialize)]
pub(super) struct Renewed {
    token: String,
}

pub(super) async fn renew(By(by): By, At(id): At<String>) -> Result<Json<Renewed>, Error> {
    let token = by.tenant.renew_device(by.who(), &id).await?.reveal().to_owned();
    Ok(Json(Renewed { token }))
}

/// What deltas have saved, by product.
pub(super) async fn savings(By(by): By) -> Result<Json<Vec<Savings>>, Error> {
    by.tenant.savings().await.map(Json)
}
