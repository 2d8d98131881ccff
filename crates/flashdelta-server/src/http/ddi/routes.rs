//! The routes of the interface.

use axum::http::Method;

use super::{config, deployment, feedback, root};
use crate::http::access::Access;
use crate::http::table::Table;

macro_rules! path {
    ($rest:literal) => {
        concat!("/{tenant}/controller/v1/{controller}", $rest)
    };
}

pub(in crate::http) fn add(table: Table) -> Table {
    const DEVICE: Access = Access::Device;
    table
        .route(Method::GET, path!(""), DEVICE, root::get)
        .route(Method::PUT, path!("/configData"), DEVICE, config::put)
        .route(Method::GET, path!("/deploymentBase/{action}"), DEVICE, deployment::get)
        .route(Method::POST, path!("/deploymentBase/{action}/feedback"), DEVICE, feedback::post)
        .route(Method::GET, path!("/installedBase/{action}"), DEVICE, deployment::get)
        .route(Method::GET, path!("/cancelAction/{action}"), DEVICE, deployment::cancel)
        .route(Method::POST, path!("/cancelAction/{action}/feedback"), DEVICE, feedback::cancel)
        .route(Method::GET, path!("/softwaremodules/{module}/artifacts"), DEVICE, deployment::list)
        .route(
            Method::GET,
            path!("/softwaremodules/{module}/artifacts/{file}"),
            DEVICE,
            deployment::download,
        )
}
