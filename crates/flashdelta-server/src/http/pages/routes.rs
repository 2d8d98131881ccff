//! Which pages there are, and who may see them.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::Method;
use axum::response::IntoResponse;

use super::super::access::Access;
use super::super::table::Table;
use super::{
    account, answer, audit, changes, devices, keys, login, overview, products, releases, rollouts,
    savings,
};
use crate::auth::Role;

const VIEWER: Access = Access::Page(Role::Viewer);
const EDITOR: Access = Access::Page(Role::Editor);
const ADMIN: Access = Access::Page(Role::Admin);

pub(in super::super) fn add(table: Table) -> Table {
    let (get, post) = (|| Method::GET, || Method::POST);
    table
        .route(get(), "/", Access::Visitor, || async { answer::go("/ui") })
        .route(get(), "/ui/style.css", Access::Visitor, style)
        .route(get(), "/ui/icon.svg", Access::Visitor, icon)
        .route(get(), "/ui/login", Access::Visitor, login::get)
        .route(post(), "/ui/login", Access::Visitor, login::post)
        .route(post(), "/ui/logout", VIEWER, login::logout)
        .route(get(), "/ui", VIEWER, overview::get)
        .route(get(), "/ui/products", VIEWER, products::list)
        .route(post(), "/ui/products", EDITOR, products::post)
        .route(get(), "/ui/products/{product}", VIEWER, products::get)
        .route(post(), "/ui/products/{product}/limits", EDITOR, products::post_limits)
        .upload(post(), "/ui/products/{product}/releases", EDITOR, releases::post)
        .route(get(), "/ui/products/{product}/changes", VIEWER, changes::get)
        .route(post(), "/ui/products/{product}/changes", EDITOR, changes::post)
        .route(get(), "/ui/rollouts", VIEWER, rollouts::list)
        .route(get(), "/ui/products/{product}/rollouts/new", EDITOR, rollouts::new)
        .route(post(), "/ui/products/{product}/rollouts", EDITOR, rollouts::post)
        .route(post(), "/ui/products/{product}/rollouts/{rule}", EDITOR, rollouts::change)
        .route(get(), "/ui/devices", VIEWER, devices::list)
        .route(post(), "/ui/devices", EDITOR, devices::post)
        .route(get(), "/ui/devices/{device}", VIEWER, devices::get)
        .route(post(), "/ui/devices/{device}/token", EDITOR, devices::renew)
        .route(get(), "/ui/savings", VIEWER, savings::get)
        .route(get(), "/ui/keys", ADMIN, keys::get)
        .route(post(), "/ui/keys/tokens", ADMIN, keys::add_token)
        .route(post(), "/ui/keys/tokens/{id}", ADMIN, keys::remove_token)
        .route(post(), "/ui/keys/operators", ADMIN, keys::put_operator)
        .route(post(), "/ui/keys/operators/{operator}", ADMIN, keys::remove_operator)
        .route(get(), "/ui/audit", ADMIN, audit::get)
        .route(get(), "/ui/account", VIEWER, account::get)
        .route(post(), "/ui/account", VIEWER, account::post)
}

/// Asked for anew when the server is another one.
const AN_HOUR: &str = "public, max-age=3600";

async fn style() -> impl IntoResponse {
    let css = include_str!("../../../templates/style.css");
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, AN_HOUR)], css)
}

async fn icon() -> impl IntoResponse {
    let svg = include_str!("../../../templates/icon.svg");
    ([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, AN_HOUR)], svg)
}
