//! How it all stands, and what to do first.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::answer::page;
use super::frame::Frame;
use super::guard::Visitor;
use super::rollouts::{all, Shown};
use super::savings::Saved;
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
    let first = products.first().map(|product| product.name.clone());
    let (has_product, mut has_release) = (first.is_some(), false);
    for product in &products {
        has_release |= !tenant.releases(&product.name).await?.is_empty();
    }
    let mut rollouts = all(&service, tenant).await?;
    let has_rollout = !rollouts.is_empty();
    rollouts.retain(|rollout| rollout.state != RolloutState::Ended.name());
    let stopped = RolloutState::Stopped.name();
    let stopped = rollouts.iter().filter(|rollout| rollout.state == stopped).count();
    let of_first = |rest: &str| match &first {
        Some(product) => format!("/ui/products/{}{rest}", super::answer::encoded(product)),
        None => "/ui/products".to_owned(),
    };
    let todo = |what, how, path, is_done| Todo { what, how, path, is_done };
    let steps = vec![
        todo(
            "Enter a product",
            "A name for devices that run the same firmware.",
            "/ui/products".to_owned(),
            has_product,
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
