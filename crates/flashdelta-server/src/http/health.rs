//! Whether the server is there.

use axum::extract::State;

use crate::{Error, Service};

/// `GET /healthz`: "ok", if the database answers.
pub(super) async fn health(State(service): State<Service>) -> Result<&'static str, Error> {
    service.database().check().await?;
    Ok("ok\n")
}
