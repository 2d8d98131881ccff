//! Who a request is for, and what devices call the service.

use axum::http::HeaderMap;

use super::super::encoded::encoded;
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
    let base = service.config().base(headers);
    format!("{base}/{tenant}/controller/v1/{}", encoded(controller))
}
