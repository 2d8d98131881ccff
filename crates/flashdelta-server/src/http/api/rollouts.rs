//! Roll-outs.

use axum::extract::State;
use axum::Json;
use flashdelta_fleet::rules::Assignment;
use flashdelta_fleet::Name;
use serde::Serialize;

use super::super::access::By;
use super::super::body::{At, Body};
use crate::catalogue::{Reach, Rollout, RolloutChange};
use crate::{Error, Service};

pub(super) async fn list(By(by): By, At(product): At<Name>) -> Result<Json<Vec<Rollout>>, Error> {
    by.tenant.product(&product).await?;
    by.tenant.rollouts(&product).await.map(Json)
}

pub(super) async fn post(
    By(by): By,
    At(product): At<Name>,
    Body(assignment): Body<Assignment>,
) -> Result<Json<Rollout>, Error> {
    by.tenant.add_rollout(by.who(), &product, assignment).await.map(Json)
}

/// A roll-out, with the devices that it is for.
#[derive(Serialize)]
pub(super) struct Counted {
    #[serde(flatten)]
    rollout: Rollout,
    reach: Reach,
    /// False: there are more devices than were counted.
    is_complete: bool,
}

pub(super) async fn get(
    State(service): State<Service>,
    By(by): By,
    At((product, rule)): At<(Name, Name)>,
) -> Result<Json<Counted>, Error> {
    let rollout = by.tenant.rollout(&product, &rule).await?;
    let state = service.states().get(&by.tenant, &product).await?;
    let reached = by.tenant.reach(&product, &state).await?;
    let reach = reached.by_rule.get(&rule).copied().unwrap_or_default();
    Ok(Json(Counted { rollout, reach, is_complete: reached.is_complete }))
}

pub(super) async fn patch(
    By(by): By,
    At((product, rule)): At<(Name, String)>,
    Body(change): Body<RolloutChange>,
) -> Result<Json<Rollout>, Error> {
    by.tenant.change_rollout(by.who(), &product, &rule, change).await.map(Json)
}

#[derive(Serialize)]
pub(super) struct Aborted {
    rule: String,
}

pub(super) async fn delete(
    By(by): By,
    At((product, rule)): At<(Name, String)>,
) -> Result<Json<Aborted>, Error> {
    by.tenant.abort_rollout(by.who(), &product, &rule).await?;
    Ok(Json(Aborted { rule }))
}
