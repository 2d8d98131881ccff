//! The plain request, for the smallest clients: "I hold this; what next?"

use core::time::Duration;
use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::access::{Access, By};
use super::body::{Asked, Body};
use super::content;
use super::routes::Api;
use crate::auth::{Caller, TokenKind};
use crate::catalogue::StoredDevice;
use crate::devices::{self, Action, ActionState, Content, Execution, Offer, Patience, Report};
use crate::time::now;
use crate::{Error, Service};

pub(super) fn add(api: Api) -> Api {
    api.route(Method::GET, "/v1/update", Access::Device, get).route(
        Method::POST,
        "/v1/update/report",
        Access::Device,
        post,
    )
}

/// The device that asks. A gateway says which one; one that is unknown is entered.
pub(super) async fn device(by: &Caller, said: Option<&str>) -> Result<StoredDevice, Error> {
    match (by.kind, said) {
        (TokenKind::Device, None) => by.tenant.device(&by.device).await,
        (TokenKind::Device, Some(id)) if id == by.device => by.tenant.device(id).await,
        (TokenKind::Device, Some(_)) => Err(Error::Forbidden { needs: "the token of that device" }),
        (_, Some(id)) => match by.tenant.find_device(id).await? {
            Some(found) => Ok(found),
            None => by.tenant.add_device(id).await,
        },
        (_, None) => Err(Error::bad("device", "", "the id of the device that asks")),
    }
}

/// Notes that it asked, if that is worth a write.
pub(super) async fn seen(by: &Caller, stored: &StoredDevice) -> Result<(), Error> {
    const EVERY: i64 = 60_000;
    match now() - stored.seen > EVERY {
        true => by.tenant.see_device(&stored.id, now()).await,
        false => Ok(()),
    }
}

/// Parameters that are not about the device.
const OF_THE_REQUEST: [&str; 3] = ["device", "component", "wait"];

async fn get(
    State(service): State<Service>,
    By(by): By,
    Asked(mut said): Asked<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let [id, component, wait] = OF_THE_REQUEST.map(|name| said.remove(name));
    let most = service.config().longest_wait;
    let wait = match wait {
        Some(wait) => wait.parse().map_err(|_| Error::bad("wait", wait, "seconds"))?,
        None => most,
    };
    let patience = Patience { wait: Duration::from_secs(wait.min(most)), is_polling: false };
    let stored = device(&by, id.as_deref()).await?;
    seen(&by, &stored).await?;
    let stored = devices::configure(&by.tenant, stored, &said).await?;
    match devices::poll(&service, &by.tenant, &stored, patience).await? {
        Offer::Nothing { why } => Ok(nothing(&why)),
        Offer::Wait => Err(Error::NotReady { retry_after: service.config().retry_seconds }),
        Offer::Cancel(action) => {
            by.tenant.move_action(&action, ActionState::Cancelled).await?;
            Err(Error::NotReady { retry_after: 1 })
        }
        Offer::Update(action) => {
            let content = part(&action, component.as_deref())?;
            // Of several components the first one counts.
            let is_first = action.body.contents.first() == Some(content);
            if is_first
                && content::is_from_start(content, &headers)
                && !devices::begin(&service, &by.tenant, &action).await?
            {
                return Ok(nothing(
                    "not offered: it was begun too often, and nothing was reported",
                ));
            }
            let mut response = content::send(&service, &by.tenant, content, &headers).await?;
            describe(response.headers_mut(), &action, content)?;
            Ok(response)
        }
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

/// The component that is asked for, or the first one that is sent.
fn part<'a>(action: &'a Action, component: Option<&str>) -> Result<&'a Content, Error> {
    let mut contents = action.body.contents.iter();
    let found = match component {
        Some(name) => contents.find(|content| &*content.component == name),
        None => contents.next(),
    };
    found.ok_or_else(|| Error::NotFound { what: "change of that component".to_owned() })
}

fn describe(headers: &mut HeaderMap, action: &Action, content: &Content) -> Result<(), Error> {
    for (name, value) in [
        ("x-flashdelta-action", action.id.to_string()),
        ("x-flashdelta-release", action.body.step.to_string()),
        ("x-flashdelta-component", content.component.to_string()),
        ("x-flashdelta-kind", content.kind.name().to_owned()),
        // Of what is sent, and of what it makes.
        ("x-flashdelta-digest", content.sha256.to_string()),
        ("x-flashdelta-image", content.image.to_string()),
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

/// What a device reports.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default)]
    device: Option<String>,
    action: i64,
    result: Outcome,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Proceeding,
    Success,
    Failure,
}

#[derive(Serialize)]
struct Taken {
    /// Whether it is the first report of this result.
    counted: bool,
}

async fn post(
    State(service): State<Service>,
    By(by): By,
    Body(said): Body<Said>,
) -> Result<axum::Json<Taken>, Error> {
    let stored = device(&by, said.device.as_deref()).await?;
    let action = by.tenant.action(&stored.id, said.action).await?;
    let execution = match said.result {
        Outcome::Proceeding => Execution::Proceeding,
        Outcome::Success => Execution::Succeeded,
        Outcome::Failure => Execution::Failed,
    };
    let report = Report { execution, message: said.message };
    let counted = devices::report(&service, &by.tenant, &action, &report).await?;
    Ok(axum::Json(Taken { counted }))
}
