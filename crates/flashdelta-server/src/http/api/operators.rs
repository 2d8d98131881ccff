//! Operators, who use the pages with a password.

use axum::Json;
use serde::{Deserialize, Serialize};

use super::super::access::By;
use super::super::body::{At, Body};
use crate::auth::{OperatorEntry, Password};
use crate::Error;

pub(super) async fn list(By(by): By) -> Result<Json<Vec<OperatorEntry>>, Error> {
    by.tenant.operators().await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    role: String,
    password: String,
}

#[derive(Serialize)]
pub(super) struct Named {
    name: String,
}

pub(super) async fn put(
    By(by): By,
    At(name): At<String>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Named>, Error> {
    let password = Password::new(wanted.password)?;
    by.put_operator(&name, wanted.role.parse()?, password).await?;
    Ok(Json(Named { name }))
}

pub(super) async fn delete(By(by): By, At(name): At<String>) -> Result<Json<Named>, Error> {
    by.remove_operator(&name).await?;
    Ok(Json(Named { name }))
}
