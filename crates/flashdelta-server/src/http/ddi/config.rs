//! What a device says of itself.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Deserialize;

use super::super::access::By;
use super::super::body::{At, Body};
use super::address;
use crate::devices;
use crate::Error;

/// What is not known here (`id`, `status`, …, of earlier versions) is left out.
#[derive(Deserialize)]
pub(super) struct Said {
    /// `merge`, `replace` and `remove` of attributes: all are taken as `merge`. What has been said
    /// by a device about itself is never forgotten by its own word.
    #[serde(default)]
    data: BTreeMap<String, String>,
}

pub(super) async fn put(
    By(by): By,
    At((_, controller)): At<(String, String)>,
    Body(said): Body<Said>,
) -> Result<StatusCode, Error> {
    let stored = address::device(&by, &controller).await?;
    devices::configure(&by.tenant, stored, &said.data).await?;
    Ok(StatusCode::OK)
}
