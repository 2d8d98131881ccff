//! Roll-outs.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use flashdelta_fleet::catalogue::Product;
use flashdelta_fleet::rules::{Assignment, Condition, Share};
use flashdelta_fleet::{Name, Version};
use serde::Deserialize;

use super::super::body::{Asked, At};
use super::super::encoded::encoded;
use super::answer::{go, page, refused, told, Done};
use super::fields::Fields;
use super::frame::Frame;
use super::text::{percent, When};
use super::visitor::Visitor;
use crate::auth::Caller;
use crate::catalogue::{
    Limits, ProductState, Reach, Rollout, RolloutChange, RolloutState, MOST_COUNTED,
};
use crate::database::Tenant;
use crate::{Error, Service};

/// The parts of the devices that are offered as stages, in percent.
const STAGES: [u16; 6] = [1, 5, 10, 25, 50, 100];

/// A roll-out as it is shown.
pub(super) struct Shown {
    pub(super) product: Name,
    pub(super) rule: String,
    pub(super) release: String,
    pub(super) state: RolloutState,
    pub(super) is_open: bool,
    pub(super) is_paused: bool,
    pub(super) condition: String,
    pub(super) share: String,
    /// Stages that come next, in percent.
    pub(super) stages: Vec<u16>,
    pub(super) reach: Reach,
    pub(super) updated_percent: u64,
    pub(super) offered: i64,
    pub(super) succeeded: i64,
    pub(super) failed: i64,
    pub(super) stopped: Option<When>,
    /// How many devices were counted, if there are more; else 0.
    pub(super) counted: usize,
}

impl Shown {
    fn of(product: &Name, rollout: Rollout, reach: Reach, counted: usize) -> Self {
        let share = rollout.assignment.as_ref().map_or(Share::NONE, |rule| rule.share);
        let is_later = |stage: &u16| Share::of_hundredths(stage * 100).is_ok_and(|of| of > share);
        let condition = rollout.assignment.as_ref().map(|rule| rule.condition.text());
        Self {
            product: product.clone(),
            is_open: rollout.assignment.is_some(),
            is_paused: matches!(rollout.state, RolloutState::Paused | RolloutState::Stopped),
            condition: condition.unwrap_or_default().to_owned(),
            share: share.to_string(),
            stages: STAGES.into_iter().filter(is_later).collect(),
            updated_percent: percent(reach.updated, reach.devices),
            reach,
            state: rollout.state,
            rule: rollout.rule,
            release: rollout.release,
            offered: rollout.offered,
            succeeded: rollout.succeeded,
            failed: rollout.failed,
            stopped: Some(When(rollout.stopped_at)).filter(|at| at.0 > 0),
            counted,
        }
    }
}

/// The roll-outs of a product.
pub(super) async fn of_product(
    tenant: &Tenant,
    product: &Name,
    state: &ProductState,
) -> Result<Vec<Shown>, Error> {
    let rollouts = tenant.rollouts(product).await?;
    if rollouts.is_empty() {
        return Ok(Vec::new());
    }
    let reached = tenant.reach(product, state).await?;
    let counted = if reached.is_complete { 0 } else { MOST_COUNTED };
    let shown = |rollout: Rollout| {
        let reach = match rollout.state {
            RolloutState::Ended => None,
            _ => reached.by_rule.get(&*rollout.rule).copied(),
        };
        Shown::of(product, rollout, reach.unwrap_or_default(), counted)
    };
    Ok(rollouts.into_iter().map(shown).collect())
}

/// The roll-outs of these products.
pub(super) async fn of_all(
    service: &Service,
    tenant: &Tenant,
    products: &[Product],
) -> Result<Vec<Shown>, Error> {
    let mut all = Vec::new();
    for product in products {
        let state = service.states().get(tenant, &product.name).await?;
        all.append(&mut of_product(tenant, &product.name, &state).await?);
    }
    Ok(all)
}

#[derive(Template)]
#[template(path = "rollouts.html")]
struct Rollouts {
    frame: Frame,
    rollouts: Vec<Shown>,
    products: Vec<Name>,
}

pub(super) async fn list(
    State(service): State<Service>,
    visitor: Visitor,
    Asked(done): Asked<Done>,
) -> Result<Response, Error> {
    let tenant = &visitor.caller().tenant;
    let products = tenant.products().await?;
    let rollouts = of_all(&service, tenant, &products).await?;
    let products = products.into_iter().map(|product| product.name).collect();
    let frame = Frame::new(&visitor, "Roll-outs", "/ui/rollouts").done(done.done.as_deref());
    page(&Rollouts { frame, rollouts, products })
}

/// What the form for a new one says.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Draft {
    rule: String,
    release: String,
    condition: String,
    share: String,
    rollback: bool,
    paused: bool,
}

#[derive(Template)]
#[template(path = "rollout_new.html")]
struct New {
    frame: Frame,
    product: Name,
    releases: Vec<String>,
    stages: [u16; 6],
    limits: Limits,
    draft: Draft,
    problem: String,
}

async fn form(
    service: &Service,
    visitor: &Visitor,
    product: Name,
    mut draft: Draft,
    problem: String,
) -> Result<New, Error> {
    let state = service.states().get(&visitor.caller().tenant, &product).await?;
    let rows = super::versions::rows(&state.catalogue, &product);
    let releases: Vec<String> = rows.iter().map(|row| row.version.to_string()).collect();
    if draft.release.is_empty() {
        draft.release = releases.first().cloned().unwrap_or_default();
    }
    if draft.rule.is_empty() {
        draft.rule = free_name(&draft.release, &state);
    }
    if draft.share.is_empty() {
        draft.share = "10".to_owned();
    }
    let frame = Frame::new(visitor, "Start a roll-out", "/ui/rollouts");
    let limits = state.limits.clone();
    Ok(New { frame, product, releases, stages: STAGES, limits, draft, problem })
}

/// A name that no rule has.
fn free_name(release: &str, state: &ProductState) -> String {
    let is_free = |name: &String| state.rules.assignments.iter().all(|rule| *rule.id != **name);
    let first = format!("to {release}");
    let more = (2..1000).map(|number| format!("to {release} ({number})"));
    [first].into_iter().chain(more).find(is_free).unwrap_or_default()
}

pub(super) async fn new(
    State(service): State<Service>,
    visitor: Visitor,
    At(product): At<Name>,
    Asked(draft): Asked<Draft>,
) -> Result<Response, Error> {
    page(&form(&service, &visitor, product, draft, String::new()).await?)
}

pub(super) async fn post(
    State(service): State<Service>,
    visitor: Visitor,
    At(product): At<Name>,
    fields: Fields,
) -> Result<Response, Error> {
    let draft = Draft {
        rule: fields.text("rule").to_owned(),
        release: fields.text("release").to_owned(),
        condition: fields.text("condition").to_owned(),
        share: fields.text("share").to_owned(),
        rollback: fields.is_on("rollback"),
        paused: fields.is_on("paused"),
    };
    match start(visitor.caller(), &product, &draft).await {
        Ok(()) => Ok(go("/ui/rollouts?done=rollout")),
        Err(error) => {
            let (error, problem) = told(error)?;
            refused(&form(&service, &visitor, product, draft, problem).await?, &error)
        }
    }
}

async fn start(caller: &Caller, product: &Name, draft: &Draft) -> Result<(), Error> {
    let condition = match &*draft.condition {
        "" => Condition::always(),
        text => condition(text)?,
    };
    let assignment = Assignment {
        condition,
        share: share(&draft.share)?,
        rollback: draft.rollback,
        paused: draft.paused,
        ..Assignment::new(Name::new(&*draft.rule)?, Version::new(&*draft.release)?)
    };
    caller.tenant.add_rollout(caller.who(), product, assignment).await.map(|_| ())
}

fn condition(text: &str) -> Result<Condition, Error> {
    Condition::new(text).map_err(|error| Error::bad("condition", text, error.to_string()))
}

fn share(text: &str) -> Result<Share, Error> {
    let percent: f64 = text.parse().map_err(|_| Error::bad("share", text, "0 to 100"))?;
    Ok(Share::of_percent(percent)?)
}

pub(super) async fn change(
    visitor: Visitor,
    At((product, rule)): At<(Name, String)>,
    fields: Fields,
) -> Result<Response, Error> {
    let caller = visitor.caller();
    let change = match fields.text("do") {
        "pause" => RolloutChange { paused: Some(true), ..RolloutChange::default() },
        "resume" => RolloutChange { paused: Some(false), ..RolloutChange::default() },
        "stage" => {
            let share = Some(share(fields.text("share"))?);
            RolloutChange { share, ..RolloutChange::default() }
        }
        "abort" => {
            caller.tenant.abort_rollout(caller.who(), &product, &rule).await?;
            return Ok(go("/ui/rollouts?done=aborted"));
        }
        other => return Err(Error::bad("do", other, "pause, resume, stage or abort")),
    };
    caller.tenant.change_rollout(caller.who(), &product, &rule, change).await?;
    Ok(go(&format!("/ui/rollouts?done=changed#{}", encoded(&rule))))
}
