//! What there is for a device.

use core::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::Json;
use flashdelta_fleet::catalogue::Running;
use serde_json::{json, Value};

use super::super::access::By;
use super::super::body::At;
use super::address;
use crate::catalogue::{StoredDevice, NEVER};
use crate::devices::{self, Offer, Patience};
use crate::{Error, Service};

pub(super) async fn get(
    State(service): State<Service>,
    By(by): By,
    At((tenant, controller)): At<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    let stored = address::device(&by, &controller).await?;
    devices::seen(&by, &stored).await?;
    let patience = Patience { wait: Duration::ZERO, is_polling: true };
    let offer = devices::poll(&service, &by.tenant, &stored, patience).await?;
    let base = address::base(&service, &headers, &tenant, &controller);
    let href = |path: String| json!({ "href": format!("{base}/{path}") });
    let mut links = serde_json::Map::new();
    if is_unknown(&stored) {
        links.insert("configData".to_owned(), href("configData".to_owned()));
    }
    let config = service.config();
    let mut sleep = config.poll_seconds;
    match offer {
        Offer::Nothing { .. } => {}
        Offer::Wait => sleep = sleep.min(config.retry_seconds),
        Offer::Cancel(action) => {
            links.insert("cancelAction".to_owned(), href(format!("cancelAction/{}", action.id)));
        }
        Offer::Update(action) => {
            let path = format!("deploymentBase/{}", action.id);
            links.insert("deploymentBase".to_owned(), href(path));
        }
    }
    Ok(Json(json!({
        "config": { "polling": { "sleep": clock(sleep) } },
        "_links": links,
    })))
}

/// Whether it is to say what it is.
fn is_unknown(stored: &StoredDevice) -> bool {
    let has_told =
        |device: &flashdelta_fleet::catalogue::Device| device.running != Running::Unknown;
    stored.seen == NEVER || !stored.device.as_ref().is_some_and(has_told)
}

fn clock(seconds: u32) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{:02}:{minutes:02}:{:02}", hours.min(23), seconds % 60)
}
