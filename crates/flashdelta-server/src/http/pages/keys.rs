//! Tokens and operators.

use askama::Template;
use axum::response::Response;

use super::super::body::{Asked, At};
use super::answer::{go, page, refused, told, Done};
use super::fields::Fields;
use super::frame::Frame;
use super::text::When;
use super::visitor::Visitor;
use crate::auth::{Caller, OperatorEntry, Password, Secret, TokenEntry};
use crate::Error;

#[derive(Template)]
#[template(path = "keys.html")]
struct Keys {
    frame: Frame,
    tokens: Vec<TokenEntry>,
    operators: Vec<OperatorEntry>,
    problem: String,
}

/// A secret that is shown once.
#[derive(Template)]
#[template(path = "revealed.html")]
pub(super) struct Revealed {
    frame: Frame,
    what: String,
    secret: String,
    back: String,
    is_device: bool,
}

impl Revealed {
    pub(super) fn of_device(visitor: &Visitor, id: &str, secret: &Secret, back: String) -> Self {
        Self {
            frame: Frame::new(visitor, "Token of the device", "/ui/devices"),
            what: format!("device {id}"),
            secret: secret.reveal().to_owned(),
            back,
            is_device: true,
        }
    }
}

async fn keys(visitor: &Visitor, problem: String) -> Result<Keys, Error> {
    let tenant = &visitor.caller().tenant;
    let (tokens, operators) = (tenant.tokens().await?, tenant.operators().await?);
    Ok(Keys { frame: Frame::new(visitor, "Keys", "/ui/keys"), tokens, operators, problem })
}

pub(super) async fn get(visitor: Visitor, Asked(done): Asked<Done>) -> Result<Response, Error> {
    let keys = keys(&visitor, String::new()).await?;
    let frame = keys.frame.done(done.done.as_deref());
    page(&Keys { frame, ..keys })
}

/// The page again, with what was wrong.
async fn mistaken(visitor: &Visitor, error: Error) -> Result<Response, Error> {
    let (error, problem) = told(error)?;
    refused(&keys(visitor, problem).await?, &error)
}

pub(super) async fn add_token(visitor: Visitor, fields: Fields) -> Result<Response, Error> {
    let made = make(visitor.caller(), &fields).await;
    match made {
        Ok(secret) => page(&Revealed {
            frame: Frame::new(&visitor, "New token", "/ui/keys"),
            what: fields.text("name").to_owned(),
            secret: secret.reveal().to_owned(),
            back: "/ui/keys".to_owned(),
            is_device: false,
        }),
        Err(error) => mistaken(&visitor, error).await,
    }
}

async fn make(caller: &Caller, fields: &Fields) -> Result<Secret, Error> {
    let (kind, role) = match fields.text("role") {
        "gateway" => ("gateway", "viewer"),
        role => ("operator", role),
    };
    let made = caller.add_token(kind.parse()?, role.parse()?, fields.text("name"));
    Ok(made.await?.1)
}

pub(super) async fn remove_token(
    visitor: Visitor,
    At(id): At<String>,
    _: Fields,
) -> Result<Response, Error> {
    match visitor.caller().remove_token(&id).await {
        Ok(()) => Ok(go("/ui/keys?done=revoked")),
        Err(error) => mistaken(&visitor, error).await,
    }
}

pub(super) async fn put_operator(visitor: Visitor, fields: Fields) -> Result<Response, Error> {
    match put(visitor.caller(), &fields).await {
        Ok(()) => Ok(go("/ui/keys?done=operator")),
        Err(error) => mistaken(&visitor, error).await,
    }
}

async fn put(caller: &Caller, fields: &Fields) -> Result<(), Error> {
    let password = Password::new(fields.raw("password"))?;
    caller.put_operator(fields.text("name"), fields.text("role").parse()?, password).await
}

pub(super) async fn remove_operator(
    visitor: Visitor,
    At(name): At<String>,
    _: Fields,
) -> Result<Response, Error> {
    match visitor.caller().remove_operator(&name).await {
        Ok(()) => Ok(go("/ui/keys?done=removed")),
        Err(error) => mistaken(&visitor, error).await,
    }
}
