//! Around all routes: back-pressure, counts, and a line of the log for each request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::metrics::RequestLabels;
use crate::{Error, Service};

/// Runs a request, unless too many run already: a client that is told so at once, asks again; one
/// that waits in a line for long, has gone when its turn comes.
pub(super) async fn watch(
    State(service): State<Service>,
    request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let method = request.method().to_string();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let response = match service.admit() {
        Some(_permit) => next.run(request).await,
        None => {
            service.metrics().refused();
            Error::NotReady { retry_after: 5 }.into_response()
        }
    };
    let (status, time) = (response.status().as_u16(), start.elapsed());
    // Not the address: it may have the names of devices.
    tracing::debug!(method, route, status, ms = time.as_millis() as u64, "answered");
    service.metrics().answered(RequestLabels { method, route, status }, time);
    response
}

/// `GET /metrics`
pub(super) async fn metrics(State(service): State<Service>) -> Result<Response, Error> {
    use axum::http::header::CONTENT_TYPE;
    let text = service.metrics().text(service.database().count_jobs().await?);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}
