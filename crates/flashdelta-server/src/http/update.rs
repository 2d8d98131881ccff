//! The plain request, for the smallest clients: "I hold this; what next?"

use core::time::Duration;
use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::access::{Access, By};
use super::body::{Asked, Body};
use super::content;
use super::table::Table;
use crate::devices::{self, Action, Content, Next, PlainReport, Question};
use crate::{Error, Service};

pub(super) fn add(table: Table) -> Table {
    table.route(Method::GET, "/v1/update", Access::Device, get).route(
        Method::POST,
        "/v1/update/report",
        Access::Device,
        post,
    )
}

async fn get(
    State(service): State<Service>,
    By(by): By,
    Asked(said): Asked<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let question = Question::new(said);
    let most = Duration::from_secs(service.config().longest_wait);
    match question.ask(&service, &by, most, most).await? {
        Next::Update(action) => {
            let content = question.part(&action)?;
            if content::is_from_start(content, &headers)
                && !devices::begin(&service, &by.tenant, &action, content).await?
            {
                return Ok(nothing(
                    "not offered: it was begun too often, and nothing was reported",
                ));
            }
            let mut response = content::send(&service, &by.tenant, content, &headers).await?;
            describe(response.headers_mut(), &action, content)?;
            Ok(response)
        }
        Next::Nothing { why } => Ok(nothing(&why)),
    }
}

fn nothing(why: &str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let printable: String = why.chars().filter(|c| (' '..='~').contains(c)).take(500).collect();
    if let Ok(why) = HeaderValue::from_str(&printable) {
        response.headers_mut().insert(HeaderName::from_static("x-flashdelta-reason"), why);
    }
    response
}

fn describe(headers: &mut HeaderMap, action: &Action, content: &Content) -> Result<(), Error> {
    for (name, value) in [
        ("x-flashdelta-action", action.id.to_string()),
        ("x-flashdelta-release", action.body.step.to_string()),
        ("x-flashdelta-component", content.component.to_string()),
        ("x-flashdelta-kind", content.kind.name().to_owned()),
        // Of what is sent, and of what it makes.
        ("x-flashdelta-digest", content.sha256.to_string()),
        ("x-flashdelta-image", content.image.map_or_else(String::new, |image| image.to_string())),
        ("x-flashdelta-signature", content.signature.clone()),
    ] {
        if value.is_empty() {
            continue;
        }
        // Names may have letters that headers cannot have.
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| Error::bad("name", value, "one that headers can have"))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(())
}

#[derive(Serialize)]
struct Taken {
    /// Whether it is the first report of this result.
    counted: bool,
}

async fn post(
    State(service): State<Service>,
    By(by): By,
    Body(said): Body<PlainReport>,
) -> Result<axum::Json<Taken>, Error> {
    let counted = said.take(&service, &by).await?;
    Ok(axum::Json(Taken { counted }))
}
