//! The description of the API.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// What this API is, for programs. A test holds it against the routes.
pub(super) async fn get() -> impl IntoResponse {
    let kind = (CONTENT_TYPE, "application/json");
    ([kind], include_str!("../../../openapi.json"))
}
