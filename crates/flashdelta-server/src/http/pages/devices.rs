//! Devices.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use flashdelta::profile::DeviceProfile;
use flashdelta_fleet::catalogue::{Applier, Device, Running};
use flashdelta_fleet::planner::{held_releases, Answer, Plan, Step, Transfer};
use flashdelta_fleet::Name;
use serde::Deserialize;

use super::super::body::{Asked, At};
use super::super::encoded::encoded;
use super::answer::{page, refused, told};
use super::fields::Fields;
use super::frame::Frame;
use super::keys::Revealed;
use super::text::{Size, When};
use super::visitor::Visitor;
use crate::auth::{Caller, Secret};
use crate::catalogue::{ProductState, StoredDevice};
use crate::devices;
use crate::{Error, Service};

/// Devices of a page.
const MOST: u32 = 50;

/// Actions of a device's page.
const MOST_ACTIONS: u32 = 20;

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    product: String,
    search: String,
    after: String,
}

/// A device in a table.
struct Row {
    id: String,
    product: String,
    runs: String,
    seen: When,
    failures: i64,
    failing: String,
}

#[derive(Template)]
#[template(path = "devices.html")]
struct Devices {
    frame: Frame,
    which: Which,
    rows: Vec<Row>,
    /// The address of the devices after these.
    next: String,
    products: Vec<Name>,
    profiles: Vec<&'static str>,
    /// Of the device that is to be entered.
    id: String,
    problem: String,
}

async fn found(service: &Service, visitor: &Visitor, which: Which) -> Result<Devices, Error> {
    let tenant = &visitor.caller().tenant;
    let found = tenant.devices(&which.product, &which.search, &which.after, MOST).await?;
    let next = match found.last().filter(|_| found.len() == MOST as usize) {
        None => String::new(),
        Some(last) => {
            let [product, search, after] =
                [&which.product, &which.search, &last.id].map(|text| encoded(text));
            format!("/ui/devices?product={product}&search={search}&after={after}")
        }
    };
    // Many devices are of few products.
    let (mut rows, mut states) = (Vec::new(), BTreeMap::new());
    for stored in found {
        let name = stored.device.as_ref().map(|device| device.product.clone());
        if let Some(name) = name.filter(|name| !states.contains_key(name)) {
            let state = service.states().get(tenant, &name).await?;
            states.insert(name, state);
        }
        rows.push(row(&states, stored));
    }
    let products = tenant.products().await?.into_iter().map(|product| product.name).collect();
    Ok(Devices {
        frame: Frame::new(visitor, "Devices", "/ui/devices"),
        which,
        rows,
        next,
        products,
        profiles: DeviceProfile::NAMES.to_vec(),
        id: String::new(),
        problem: String::new(),
    })
}

fn row(states: &BTreeMap<Name, ProductState>, stored: StoredDevice) -> Row {
    let runs = stored.device.as_ref().and_then(|device| {
        let state = states.get(&device.product)?;
        Some(runs(state, device))
    });
    let product = stored.device.map(|device| device.product.to_string());
    Row {
        id: stored.id,
        product: product.unwrap_or_default(),
        runs: runs.unwrap_or_else(|| "unknown".to_owned()),
        seen: When(stored.seen),
        failures: stored.failures,
        failing: stored.failing,
    }
}

/// The release that a device runs.
fn runs(state: &ProductState, device: &Device) -> String {
    let held = held_releases(&state.catalogue, device);
    let version = held.last().map(|release| &release.version).or(device.version.as_ref());
    match (version, &device.running) {
        (Some(version), _) => version.to_string(),
        (None, Running::Unknown) => "not told yet".to_owned(),
        (None, _) => "none of the releases".to_owned(),
    }
}

pub(super) async fn list(
    State(service): State<Service>,
    visitor: Visitor,
    Asked(which): Asked<Which>,
) -> Result<Response, Error> {
    page(&found(&service, &visitor, which).await?)
}

pub(super) async fn post(
    State(service): State<Service>,
    visitor: Visitor,
    fields: Fields,
) -> Result<Response, Error> {
    let id = fields.text("id");
    match enter(visitor.caller(), &fields).await {
        Ok(secret) => {
            let back = format!("/ui/devices/{}", encoded(id));
            page(&Revealed::of_device(&visitor, id, &secret, back))
        }
        Err(error) => {
            let (error, problem) = told(error)?;
            let shown = found(&service, &visitor, Which::default()).await?;
            refused(&Devices { id: id.to_owned(), problem, ..shown }, &error)
        }
    }
}

async fn enter(caller: &Caller, fields: &Fields) -> Result<Secret, Error> {
    let id = fields.text("id");
    if caller.tenant.find_device(id).await?.is_some() {
        return Err(Error::Exists { what: format!("device {id}") });
    }
    let mut device = Device::new(id, Name::new(fields.text("product"))?);
    fields.text("model").clone_into(&mut device.model);
    fields.text("batch").clone_into(&mut device.batch);
    fields.text("serial").clone_into(&mut device.serial);
    device.year = fields.number("year")?.unwrap_or(0);
    device.hardware = fields.number("hardware")?.unwrap_or(0);
    device.applier = Applier {
        profile: fields.text("profile").to_owned(),
        takes_files: fields.is_on("takes_files"),
        ..Applier::default()
    };
    let secret = caller.tenant.put_device(caller.who(), &device).await?;
    // Somebody else has entered it at the same time.
    secret.ok_or_else(|| Error::Exists { what: format!("device {id}") })
}

#[derive(Template)]
#[template(path = "device.html")]
struct One {
    frame: Frame,
    stored: StoredDevice,
    facts: Vec<(&'static str, String)>,
    next: Next,
    history: Vec<Done>,
}

/// What a device would get now.
struct Next {
    headline: String,
    reasons: Vec<String>,
    steps: Vec<NextStep>,
}

struct NextStep {
    from: String,
    to: String,
    how: String,
    size: String,
}

/// What a device was to do.
struct Done {
    id: i64,
    created: When,
    release: String,
    how: String,
    size: Size,
    state: &'static str,
    said: Vec<(When, String)>,
}

pub(super) async fn get(
    State(service): State<Service>,
    visitor: Visitor,
    At(id): At<String>,
) -> Result<Response, Error> {
    let tenant = &visitor.caller().tenant;
    let stored = tenant.device(&id).await?;
    let (mut facts, mut next) = (Vec::new(), Next::unknown());
    if let Some(device) = &stored.device {
        let state = service.states().get(tenant, &device.product).await?;
        facts = self::facts(device, runs(&state, device));
        next = Next::of(&devices::plan(&service, tenant, &stored).await?);
    }
    let mut history = Vec::new();
    let actions = tenant.actions(&id, MOST_ACTIONS).await?;
    let mut said = tenant.latest_reports(&id, MOST_ACTIONS).await?;
    for action in actions {
        let said = said.remove(&action.id).unwrap_or_default().into_iter().map(|report| {
            let message = match report.message.is_empty() {
                true => report.execution,
                false => format!("{}: {}", report.execution, report.message),
            };
            (When(report.at), message)
        });
        let kinds: Vec<&str> = action.body.contents.iter().map(|part| part.kind.name()).collect();
        history.push(Done {
            id: action.id,
            created: When(action.created),
            release: action.body.step.to_string(),
            how: kinds.join(", "),
            size: Size(action.body.contents.iter().map(|part| part.size).sum()),
            state: action.state.name(),
            said: said.collect(),
        });
    }
    let frame = Frame::new(&visitor, format!("Device {id}"), "/ui/devices");
    page(&One { frame, stored, facts, next, history })
}

/// What is known of a device, for people.
fn facts(device: &Device, runs: String) -> Vec<(&'static str, String)> {
    let number = |number: u32| if number == 0 { String::new() } else { number.to_string() };
    let tags: Vec<&str> = device.tags.iter().map(|tag| tag.as_str()).collect();
    let attributes = device.attributes.iter().map(|(name, value)| format!("{name} = {value}"));
    let digest = match &device.running {
        Running::Unknown => String::new(),
        Running::One(digest) => digest.to_string(),
        Running::Components(all) => all
            .iter()
            .map(|(name, digest)| format!("{name} {digest}"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let mut takes = Vec::new();
    if device.applier.reads_patches() {
        takes.push(format!("patches for {}", device.applier.profile));
    }
    if device.applier.takes_files {
        takes.push("files".to_owned());
    }
    let all = [
        ("Product", device.product.to_string()),
        ("Runs", runs),
        ("Digest", digest),
        ("Takes", takes.join(", ")),
        ("Hardware revision", device.hardware.to_string()),
        ("Model", device.model.clone()),
        ("Year", number(device.year.into())),
        ("Batch", device.batch.clone()),
        ("Serial number", device.serial.clone()),
        ("Tags", tags.join(", ")),
        ("Link", device.link.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("Security counter", number(device.security_counter)),
        ("Attributes", attributes.collect::<Vec<_>>().join(", ")),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

impl Next {
    fn unknown() -> Self {
        let headline = "Nothing: the device has not said what it is.".to_owned();
        Self { headline, reasons: Vec::new(), steps: Vec::new() }
    }

    fn of(plan: &Plan) -> Self {
        let (headline, steps) = match &plan.answer {
            Answer::UpToDate => ("Nothing: it holds what it is to hold.".to_owned(), Vec::new()),
            Answer::Update(update) => {
                let size = Size(update.bytes);
                let headline = format!("Release {}, with {size} in all.", update.release);
                (headline, update.steps.iter().map(NextStep::of).collect())
            }
            _ => ("Nothing now.".to_owned(), Vec::new()),
        };
        let reasons = plan.reasons.iter().map(ToString::to_string).collect();
        Self { headline, reasons, steps }
    }
}

impl NextStep {
    fn of(step: &Step) -> Self {
        let part = |transfer: &Transfer| match transfer {
            Transfer::Keep { .. } => "nothing",
            Transfer::Delta { .. } => "delta",
            Transfer::Whole { .. } => "whole image, compressed",
            Transfer::File { .. } => "file",
            _ => "another way",
        };
        let parts = step.parts.iter().map(|of| match step.parts.len() {
            1 => part(&of.transfer).to_owned(),
            _ => format!("{}: {}", of.component, part(&of.transfer)),
        });
        let size = Size(step.bytes);
        Self {
            from: step.from.as_ref().map_or("anything".to_owned(), ToString::to_string),
            to: step.to.to_string(),
            how: parts.collect::<Vec<_>>().join(", "),
            size: if step.is_exact { size.to_string() } else { format!("about {size}") },
        }
    }
}

pub(super) async fn renew(
    visitor: Visitor,
    At(id): At<String>,
    _: Fields,
) -> Result<Response, Error> {
    let caller = visitor.caller();
    let secret = caller.tenant.renew_device(caller.who(), &id).await?;
    let back = format!("/ui/devices/{}", encoded(&id));
    page(&Revealed::of_device(&visitor, &id, &secret, back))
}
