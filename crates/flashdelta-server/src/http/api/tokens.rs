//! Tokens of operators and gateways.

use axum::Json;
use serde::{Deserialize, Serialize};

use super::super::access::By;
use super::super::body::{At, Body};
use crate::auth::{NewToken, Role, TokenEntry, TokenKind};
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
    // Metrics are of the whole server: only who runs it gives a token for them.
    if kind == TokenKind::Device || (role == Role::Metrics && kind == TokenKind::Operator) {
        let expected = "operator (viewer, editor, admin) or gateway";
        return Err(Error::bad("kind", wanted.kind, expected));
    }
    let mut transaction = by.tenant.begin().await?;
    let token = NewToken { kind, role, device: "", name: &wanted.name };
    let (id, secret) = transaction.add_token(&token).await?;
    transaction.note(by.who(), "token", &id, &wanted.name).await?;
    transaction.commit().await?;
    Ok(Json(Made { id, token: secret.reveal().to_owned() }))
}

#[derive(Serialize)]
pub(super) struct Revoked {
    id: String,
}

pub(super) async fn delete(By(by): By, At(id): At<String>) -> Result<Json<Revoked>, Error> {
    // So that one is left that can make others.
    if id == by.token {
        return Err(Error::bad("token", id, "another one than that which asks"));
    }
    by.tenant.remove_token(by.who(), &id).await?;
    Ok(Json(Revoked { id }))
}
