//! Tokens of operators and gateways.

use axum::Json;
use serde::{Deserialize, Serialize};

use super::super::access::By;
use super::super::body::{At, Body};
use crate::auth::{Role, TokenEntry, TokenKind};
use crate::Error;

pub(super) async fn list(By(by): By) -> Result<Json<Vec<TokenEntry>>, Error> {
    by.tenant.tokens().await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    kind: String,
    #[serde(default)]
    role: Option<String>,
    name: String,
}

#[derive(Serialize)]
pub(super) struct Made {
    id: String,
    /// Shown this once.
    token: String,
}

pub(super) async fn post(By(by): By, Body(wanted): Body<Wanted>) -> Result<Json<Made>, Error> {
    let kind: TokenKind = wanted.kind.parse()?;
    let role = match &wanted.role {
        Some(role) => role.parse()?,
        None => Role::Viewer,
    };
    let (id, secret) = by.add_token(kind, role, &wanted.name).await?;
    Ok(Json(Made { id, token: secret.reveal().to_owned() }))
}

#[derive(Serialize)]
pub(super) struct Revoked {
    id: String,
}

pub(super) async fn delete(By(by): By, At(id): At<String>) -> Result<Json<Revoked>, Error> {
    by.remove_token(&id).await?;
    Ok(Json(Revoked { id }))
}
