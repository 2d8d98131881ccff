//! Deployments: what is to be done, what is sent for it, and what is to be stopped.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::Json;
use serde_json::{json, Value};

use super::super::access::By;
use super::super::body::At;
use super::super::content;
use super::super::encoded::encoded;
use super::address;
use crate::devices::{self, Action, Content, ContentKind};
use crate::{Error, Service};

pub(super) async fn get(
    State(service): State<Service>,
    By(by): By,
    At((tenant, controller, action)): At<(String, String, i64)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    let stored = address::device(&by, &controller).await?;
    let action = by.tenant.action(&stored.id, action).await?;
    let base = address::base(&service, &headers, &tenant, &controller);
    let chunks = action.body.contents.iter().enumerate().map(|(at, content)| {
        json!({
            "part": &*content.component,
            "version": action.body.step.as_str(),
            "name": &*action.product,
            "artifacts": [artifact(&base, &action, at, content)],
        })
    });
    Ok(Json(json!({
        "id": action.id.to_string(),
        "deployment": {
            "download": "forced",
            "update": "forced",
            "chunks": chunks.collect::<Vec<_>>(),
        },
    })))
}

/// The artifacts of a part, as the deployment has them.
pub(super) async fn list(
    State(service): State<Service>,
    By(by): By,
    At((tenant, controller, module)): At<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    let stored = address::device(&by, &controller).await?;
    let (action, at) = of_module(&module)?;
    let action = by.tenant.action(&stored.id, action).await?;
    let base = address::base(&service, &headers, &tenant, &controller);
    let content = action.body.contents.get(at).ok_or_else(|| none(&module))?;
    Ok(Json(json!([artifact(&base, &action, at, content)])))
}

fn artifact(base: &str, action: &Action, at: usize, content: &Content) -> Value {
    let name = file_name(content);
    let href = format!("{base}/softwaremodules/{}-{at}/artifacts/{}", action.id, encoded(&name));
    // Clients look for the link by the protocol that they are built for.
    let links = json!({ "download": { "href": href }, "download-http": { "href": href } });
    json!({
        "filename": name,
        "hashes": {
            "sha1": content.hashes.sha1,
            "md5": content.hashes.md5,
            "sha256": content.sha256,
        },
        "size": content.size,
        "_links": links,
    })
}

fn file_name(content: &Content) -> String {
    match content.kind {
        ContentKind::File => content.file_name.clone(),
        ContentKind::Set => format!("{}.fds", content.component),
        _ => format!("{}.fdp", content.component),
    }
}

pub(super) async fn download(
    State(service): State<Service>,
    By(by): By,
    At((_, controller, module, file)): At<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let stored = address::device(&by, &controller).await?;
    let (action, at) = of_module(&module)?;
    let action = by.tenant.action(&stored.id, action).await?;
    let content = action.body.contents.get(at).filter(|content| file_name(content) == file);
    let content = content.ok_or_else(|| none(&file))?;
    if content::is_from_start(content, &headers)
        && !devices::begin(&service, &by.tenant, &action, content).await?
    {
        return Err(none(&file));
    }
    content::send(&service, &by.tenant, content, &headers).await
}

/// The number of an action, and of a part of it.
fn of_module(module: &str) -> Result<(i64, usize), Error> {
    let (action, at) = module.split_once('-').ok_or_else(|| none(module))?;
    match (action.parse(), at.parse()) {
        (Ok(action), Ok(at)) => Ok((action, at)),
        _ => Err(none(module)),
    }
}

fn none(what: &str) -> Error {
    Error::NotFound { what: format!("artifact {what}") }
}

pub(super) async fn cancel(
    By(by): By,
    At((_, controller, action)): At<(String, String, i64)>,
) -> Result<Json<Value>, Error> {
    let stored = address::device(&by, &controller).await?;
    let id = by.tenant.action(&stored.id, action).await?.id.to_string();
    Ok(Json(json!({ "id": id, "cancelAction": { "stopId": id } })))
}
