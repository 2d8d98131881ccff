//! hawkBit's Direct Device Integration API: clients that exist work unchanged.
//!
//! <https://eclipse.dev/hawkbit/apis/ddi_api/>. The artifact of a deployment is the delta for what
//! this device holds.

mod config;
mod deployment;
mod feedback;
mod root;

use axum::http::{HeaderMap, Method};

use super::access::Access;
use super::routes::Api;
use super::update;
use crate::auth::Caller;
use crate::catalogue::StoredDevice;
use crate::{Error, Service};

macro_rules! path {
    ($rest:literal) => {
        concat!("/{tenant}/controller/v1/{controller}", $rest)
    };
}

pub(super) fn add(api: Api) -> Api {
    const DEVICE: Access = Access::Device;
    api.route(Method::GET, path!(""), DEVICE, root::get)
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

/// The device of an address, for which who asks may speak.
async fn device(by: &Caller, controller: &str) -> Result<StoredDevice, Error> {
    update::device(by, Some(controller)).await
}

/// The address of a device, as it is to be called by the device.
fn base(service: &Service, headers: &HeaderMap, tenant: &str, controller: &str) -> String {
    let controller: String = url::form_urlencoded::byte_serialize(controller.as_bytes()).collect();
    let controller = controller.replace('+', "%20");
    format!("{}/{tenant}/controller/v1/{controller}", service.config().base(headers))
}
