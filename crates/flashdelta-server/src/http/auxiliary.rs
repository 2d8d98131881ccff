//! What goes with a device's release and is no firmware.

use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use axum::Json;
use flashdelta_fleet::Version;
use serde::Deserialize;

use super::access::{Access, By};
use super::body::{Asked, At};
use super::content;
use super::table::Table;
use crate::devices::{self, AuxiliaryOf};
use crate::{Error, Service};

pub(super) fn add(table: Table) -> Table {
    const LIST: &str = "/v1/update/auxiliary";
    table.route(Method::GET, LIST, Access::Device, list).route(
        Method::GET,
        "/v1/update/auxiliary/{name}",
        Access::Device,
        get,
    )
}

#[derive(Deserialize)]
struct Which {
    /// The device, of a gateway's request.
    device: Option<String>,
    /// The release; what is not said is the one that the device is being updated to, or holds.
    release: Option<Version>,
}

async fn list(
    State(service): State<Service>,
    By(by): By,
    Asked(which): Asked<Which>,
) -> Result<Json<AuxiliaryOf>, Error> {
    let device = which.device.as_deref();
    devices::auxiliary(&service, &by, device, which.release.as_ref()).await.map(Json)
}

async fn get(
    State(service): State<Service>,
    By(by): By,
    At(name): At<String>,
    Asked(which): Asked<Which>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let device = which.device.as_deref();
    let of = devices::auxiliary(&service, &by, device, which.release.as_ref()).await?;
    let content = of.content(&by, &name).await?;
    content::send(&service, &by.tenant, &content, &headers).await
}
