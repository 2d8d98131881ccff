//! What a device reports of an action.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::access::By;
use super::super::body::{At, Body};
use super::address;
use crate::devices::{self, Execution, Report};
use crate::{Error, Service};

/// What is not known here (`id`, `time`, `timestamp`, progress) is left out.
#[derive(Deserialize)]
pub(super) struct Feedback {
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    execution: String,
    #[serde(default)]
    result: Outcome,
    #[serde(default)]
    details: Vec<String>,
}

#[derive(Deserialize, Default)]
struct Outcome {
    #[serde(default)]
    finished: String,
}

pub(super) async fn post(
    State(service): State<Service>,
    By(by): By,
    At((_, controller, action)): At<(String, String, i64)>,
    Body(feedback): Body<Feedback>,
) -> Result<StatusCode, Error> {
    let status = &feedback.status;
    let execution = match (&*status.execution, &*status.result.finished) {
        ("closed", "failure") => Execution::Failed,
        // Nothing said is success, as hawkBit has it.
        ("closed", _) => Execution::Succeeded,
        ("canceled", _) => Execution::Cancelled,
        ("proceeding" | "scheduled" | "resumed" | "rejected" | "download" | "downloaded", _) => {
            Execution::Proceeding
        }
        (other, _) => return Err(Error::bad("execution", other, "one of hawkBit's")),
    };
    take(&service, &by, (&controller, action), status, execution).await
}

/// Of the request to stop an action.
pub(super) async fn cancel(
    State(service): State<Service>,
    By(by): By,
    At((_, controller, action)): At<(String, String, i64)>,
    Body(feedback): Body<Feedback>,
) -> Result<StatusCode, Error> {
    let status = &feedback.status;
    let execution = match (&*status.execution, &*status.result.finished) {
        ("closed" | "canceled", "success" | "none" | "") => Execution::Cancelled,
        ("closed" | "rejected", _) => Execution::NotCancelled,
        // It is at it: it is asked again.
        ("proceeding" | "scheduled" | "resumed" | "canceled", _) => return Ok(StatusCode::OK),
        (other, _) => return Err(Error::bad("execution", other, "one of hawkBit's")),
    };
    take(&service, &by, (&controller, action), status, execution).await
}

async fn take(
    service: &Service,
    by: &crate::auth::Caller,
    (controller, action): (&str, i64),
    status: &Status,
    execution: Execution,
) -> Result<StatusCode, Error> {
    let stored = address::device(by, controller).await?;
    let action = by.tenant.action(&stored.id, action).await?;
    let report = Report { execution, message: status.details.join("\n") };
    devices::report(service, &by.tenant, &action, &report).await?;
    Ok(StatusCode::OK)
}
