//! The API of operators, below `/v1`.

mod audit;
mod devices;
mod files;
mod products;
mod releases;
mod tokens;

use axum::http::Method;

use super::access::Access;
use super::routes::Api;
use crate::auth::Role;

const VIEWER: Access = Access::Operator(Role::Viewer);
const EDITOR: Access = Access::Operator(Role::Editor);
const ADMIN: Access = Access::Operator(Role::Admin);

pub(super) fn add(api: Api) -> Api {
    api.route(Method::GET, "/v1/products", VIEWER, products::list)
        .route(Method::GET, "/v1/products/{product}", VIEWER, products::get)
        .route(Method::PUT, "/v1/products/{product}", EDITOR, products::put)
        .route(Method::GET, "/v1/products/{product}/rules", VIEWER, products::rules)
        .route(Method::PUT, "/v1/products/{product}/rules", EDITOR, products::put_rules)
        .route(Method::GET, "/v1/products/{product}/limits", VIEWER, products::limits)
        .route(Method::PUT, "/v1/products/{product}/limits", EDITOR, products::put_limits)
        .upload(Method::POST, "/v1/files", EDITOR, files::post)
        .route(Method::GET, "/v1/files/{sha256}", VIEWER, files::get)
        .route(Method::GET, "/v1/products/{product}/releases", VIEWER, releases::list)
        .route(Method::PUT, "/v1/products/{product}/releases/{version}", EDITOR, releases::put)
        .upload(Method::POST, "/v1/products/{product}/releases", EDITOR, releases::post)
        .route(Method::GET, "/v1/devices", VIEWER, devices::list)
        .route(Method::GET, "/v1/devices/{device}", VIEWER, devices::get)
        .route(Method::PUT, "/v1/devices/{device}", EDITOR, devices::put)
        .route(Method::GET, "/v1/devices/{device}/plan", VIEWER, devices::plan)
        .route(Method::GET, "/v1/devices/{device}/actions", VIEWER, devices::actions)
        .route(Method::GET, "/v1/devices/{device}/actions/{action}", VIEWER, devices::reports)
        .route(Method::POST, "/v1/devices/{device}/token", EDITOR, devices::renew)
        .route(Method::GET, "/v1/products/{product}/rollouts", VIEWER, products::rollouts)
        .route(Method::GET, "/v1/openapi.json", VIEWER, document)
        .route(Method::GET, "/v1/tokens", ADMIN, tokens::list)
        .route(Method::POST, "/v1/tokens", ADMIN, tokens::post)
        .route(Method::DELETE, "/v1/tokens/{id}", ADMIN, tokens::delete)
        .route(Method::GET, "/v1/audit", ADMIN, audit::list)
}

/// What this API is, for programs. A test holds it against the routes.
async fn document() -> impl axum::response::IntoResponse {
    let kind = (axum::http::header::CONTENT_TYPE, "application/json");
    ([kind], include_str!("../../../openapi.json"))
}
