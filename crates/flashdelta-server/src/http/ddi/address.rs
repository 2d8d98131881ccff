//! Who a request is for, and what devices call the service.

use axum::http::HeaderMap;

use crate::auth::Caller;
use crate::catalogue::StoredDevice;
use crate::{devices, Error, Service};

/// The device of an address, for which who asks may speak.
pub(super) async fn device(by: &Caller, controller: &str) -> Result<StoredDevice, Error> {
    devices::device(by, Some(controller)).await
}

/// The address of a device, as it is to be called by the device.
pub(super) fn base(
    service: &Service,
    headers: &HeaderMap,
    tenant: &str,
    controller: &str,
) -> String {
    let controller: String = url::form_urlencoded::byte_serialize(controller.as_bytes()).collect();
    let controller = controller.replace('+', "%20");
    format!("{}/{tenant}/controller/v1/{controller}", service.config().base(headers))
}
