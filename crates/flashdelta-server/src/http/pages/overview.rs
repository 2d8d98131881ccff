//! An overview of everything, and what to do first.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::encoded::encoded;
use super::answer::page;
use super::frame::Frame;
use super::rollouts::{of_all, Shown};
use super::savings::Saved;
use super::visitor::Visitor;
use crate::catalogue::RolloutState;
use crate::{Error, Service};

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    steps: Vec<Todo>,
    devices: i64,
    failing: i64,
    saved: Saved,
    rollouts: Vec<Shown>,
    stopped: usize,
}

/// Something that has to be there before devices are updated.
struct Todo {
    what: &'static str,
    how: &'static str,
    path: String,
    is_done: bool,
}

pub(super) async fn get(
    State(service): State<Service>,
    visitor: Visitor,
) -> Result<Response, Error> {
    let tenant = &visitor.caller().tenant;
    let products = tenant.products().await?;
    let (devices, failing) = tenant.count_devices().await?;
    let has_release = tenant.has_releases().await?;
    let mut rollouts = of_all(&service, tenant, &products).await?;
    let has_rollout = !rollouts.is_empty();
    rollouts.retain(|rollout| rollout.state != RolloutState::Ended);
    let is_stopped = |rollout: &&Shown| rollout.state == RolloutState::Stopped;
    let stopped = rollouts.iter().filter(is_stopped).count();
    let of_first = |rest: &str| match products.first() {
        Some(product) => format!("/ui/products/{}{rest}", encoded(&product.name)),
        None => "/ui/products".to_owned(),
    };
    let todo = |what, how, path, is_done| Todo { what, how, path, is_done };
    let steps = vec![
        todo(
            "Enter a product",
            "A name for devices that run the same firmware.",
            "/ui/products".to_owned(),
            !products.is_empty(),
        ),
        todo(
            "Upload releases",
            "The firmware that devices run now, and the new one: any file that your build makes.",
            of_first(""),
            has_release,
        ),
        todo(
            "Enter devices",
            "Each gets a token, with which it asks for updates.",
            "/ui/devices".to_owned(),
            devices > 0,
        ),
        todo(
            "Start a roll-out",
            "A few devices first, then more.",
            of_first("/rollouts/new"),
            has_rollout,
        ),
    ];
    let steps = if steps.iter().all(|step| step.is_done) { Vec::new() } else { steps };
    let saved = Saved::sum(&tenant.savings().await?);
    let frame = Frame::new(&visitor, "Overview", "/ui");
    page(&Overview { frame, steps, devices, failing, saved, rollouts, stopped })
}
