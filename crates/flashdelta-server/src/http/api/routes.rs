//! The routes of the API.

use axum::http::Method;

use super::{
    audit, changes, devices, document, files, operators, products, psk, releases, rollouts, tokens,
};
use crate::auth::Role;
use crate::http::access::Access;
use crate::http::table::Table;

const VIEWER: Access = Access::Operator(Role::Viewer);
const EDITOR: Access = Access::Operator(Role::Editor);
const ADMIN: Access = Access::Operator(Role::Admin);

pub(in crate::http) fn add(table: Table) -> Table {
    table
        .route(Method::GET, "/v1/products", VIEWER, products::list)
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
        .route(
            Method::DELETE,
            "/v1/products/{product}/releases/{version}",
            EDITOR,
            releases::delete,
        )
        .upload(Method::POST, "/v1/products/{product}/releases", EDITOR, releases::post)
        .route(Method::GET, "/v1/devices", VIEWER, devices::list)
        .route(Method::GET, "/v1/devices/{device}", VIEWER, devices::get)
        .route(Method::PUT, "/v1/devices/{device}", EDITOR, devices::put)
        .route(Method::GET, "/v1/devices/{device}/plan", VIEWER, devices::plan)
        .route(Method::GET, "/v1/devices/{device}/actions", VIEWER, devices::actions)
        .route(Method::GET, "/v1/devices/{device}/actions/{action}", VIEWER, devices::reports)
        .route(Method::POST, "/v1/devices/{device}/token", EDITOR, devices::renew)
        .route(Method::GET, "/v1/devices/{device}/psk", VIEWER, psk::get)
        .route(Method::POST, "/v1/devices/{device}/psk", EDITOR, psk::post)
        .route(Method::DELETE, "/v1/devices/{device}/psk", EDITOR, psk::delete)
        .route(Method::GET, "/v1/products/{product}/changes", VIEWER, changes::get)
        .route(Method::POST, "/v1/products/{product}/changes", EDITOR, changes::post)
        .route(Method::GET, "/v1/products/{product}/rollouts", VIEWER, rollouts::list)
        .route(Method::POST, "/v1/products/{product}/rollouts", EDITOR, rollouts::post)
        .route(Method::GET, "/v1/products/{product}/rollouts/{rule}", VIEWER, rollouts::get)
        .route(Method::PATCH, "/v1/products/{product}/rollouts/{rule}", EDITOR, rollouts::patch)
        .route(Method::DELETE, "/v1/products/{product}/rollouts/{rule}", EDITOR, rollouts::delete)
        .route(Method::GET, "/v1/savings", VIEWER, devices::savings)
        .route(Method::GET, "/v1/openapi.json", VIEWER, document::get)
        .route(Method::GET, "/v1/operators", ADMIN, operators::list)
        .route(Method::PUT, "/v1/operators/{operator}", ADMIN, operators::put)
        .route(Method::DELETE, "/v1/operators/{operator}", ADMIN, operators::delete)
        .route(Method::GET, "/v1/tokens", ADMIN, tokens::list)
        .route(Method::POST, "/v1/tokens", ADMIN, tokens::post)
        .route(Method::DELETE, "/v1/tokens/{id}", ADMIN, tokens::delete)
        .route(Method::GET, "/v1/audit", ADMIN, audit::list)
}
