//! Signing in and out.

use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use serde::Deserialize;

use super::super::body::Asked;
use super::answer::{go, page, refused, told};
use super::fields::{Fields, Open};
use super::frame::Frame;
use super::guard::set_cookie;
use super::visitor::Visitor;
use crate::auth::Session;
use crate::config::FIRST_TENANT;
use crate::{Error, Service};

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    frame: Frame,
    next: &'a str,
    tenant: &'a str,
    name: &'a str,
    problem: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    next: String,
}

fn frame() -> Frame {
    Frame::of(None, "Sign in", "")
}

pub(super) async fn get(Asked(which): Asked<Which>) -> Result<Response, Error> {
    let next = local(&which.next);
    page(&Login { frame: frame(), next, tenant: FIRST_TENANT, name: "", problem: "" })
}

pub(super) async fn post(
    State(service): State<Service>,
    Open(fields): Open,
) -> Result<Response, Error> {
    let (tenant, name) = (fields.text("tenant"), fields.text("name"));
    let next = local(fields.text("next"));
    match sign_in(&service, tenant, name, fields.raw("password")).await {
        Ok(session) => {
            let secret = session.secret.reveal();
            let mut response = go(next);
            let cookie = set_cookie(service.config(), secret, Session::SECONDS)?;
            response.headers_mut().insert(SET_COOKIE, cookie);
            Ok(response)
        }
        Err(error) => {
            let (error, problem) = told(error)?;
            let problem = match &error {
                Error::Unauthorized => "Tenant, name and password do not go together.",
                _ => &problem,
            };
            refused(&Login { frame: frame(), next, tenant, name, problem }, &error)
        }
    }
}

async fn sign_in(
    service: &Service,
    tenant: &str,
    name: &str,
    password: String,
) -> Result<Session, Error> {
    // By what is said, whether there is such an operator or not: nothing is told by that.
    service.sign_in_limiter().take(&format!("{tenant}/{name}"))?;
    match service.database().tenant(tenant).await {
        Ok(tenant) => tenant.sign_in(name, password).await,
        Err(Error::NotFound { .. }) => Err(Error::Unauthorized),
        Err(error) => Err(error),
    }
}

pub(super) async fn logout(
    State(service): State<Service>,
    visitor: Visitor,
    _: Fields,
) -> Result<Response, Error> {
    visitor.caller().tenant.sign_out(visitor.secret()).await?;
    let mut response = go("/ui/login");
    response.headers_mut().insert(SET_COOKIE, set_cookie(service.config(), "", 0)?);
    Ok(response)
}

/// Where to go after it: a page of this server, whatever the address says.
fn local(next: &str) -> &str {
    match next.starts_with("/ui") && !next.starts_with("/ui/log") {
        true => next,
        false => "/ui",
    }
}
