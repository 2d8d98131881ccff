//! "Device D holds X: what next?"

use core::time::Duration;
use std::time::Instant;

use flashdelta_fleet::catalogue::{Device, Image, Running};
use flashdelta_fleet::planner::{self, Answer, Plan, Reason, Step, Transfer, Update};
use flashdelta_fleet::Digest;

use super::action::{ActionBody, NewAction};
use super::report::{report, Execution, Report};
use super::{Action, ActionState, Content, ContentKind, Offer};
use crate::catalogue::{ProductState, StoredDevice};
use crate::database::Tenant;
use crate::jobs::{JobState, Wanted};
use crate::time::{millis, now};
use crate::{Error, Service};

/// How long a device waits for what is being made.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// In this request.
    pub(crate) wait: Duration,
    /// Whether it will come again, and go on with what it has begun. A device that does not, and
    /// asks, has given up what it had begun.
    pub(crate) is_polling: bool,
}

/// How often the database is asked for what other machines make.
const LOOK: Duration = Duration::from_millis(250);

/// What a device is told. What it says of itself is in `stored` already.
pub(crate) async fn poll(
    service: &Service,
    tenant: &Tenant,
    stored: &StoredDevice,
    patience: Patience,
) -> Result<Offer, Error> {
    let Some(device) = &stored.device else {
        return Ok(Offer::Nothing { why: "the device has not said what it is".to_owned() });
    };
    let end = Instant::now() + patience.wait;
    loop {
        // Before it is looked whether something has ended: what ends meanwhile is not missed.
        let ended = service.bell().ended.notified();
        let state = service.states().get(tenant, &device.product).await?;
        let asked = Asked { service, tenant, stored, device, state: &state, patience };
        let offer = asked.offer().await?;
        let left = end.saturating_duration_since(Instant::now());
        if !matches!(offer, Offer::Wait) || left.is_zero() {
            return Ok(offer);
        }
        let _ = tokio::time::timeout(left.min(LOOK), ended).await;
    }
}

pub(super) struct Asked<'a> {
    pub(super) service: &'a Service,
    pub(super) tenant: &'a Tenant,
    stored: &'a StoredDevice,
    pub(super) device: &'a Device,
    state: &'a ProductState,
    patience: Patience,
}

/// What is sent in a step.
enum Body {
    Ready(ActionBody),
    Pending,
    Never { why: String },
}

/// What a part of a step is made of.
pub(super) enum Part {
    Ready(Content),
    Pending,
    /// It turned out that there is none: the next plan knows.
    Gone,
}

impl Asked<'_> {
    async fn offer(&self) -> Result<Offer, Error> {
        let open = self.tenant.open_action(&self.device.id).await?;
        let state = self.state;
        let plan = planner::plan(
            &state.catalogue,
            &state.rules,
            self.device,
            now() / 1000,
            &*state.costs,
        )?;
        let update = match (&plan.answer, open) {
            (Answer::Update(update), open) => {
                // What it was to become, it is: its own word counts as a report.
                if let Some(action) = self.arrived(&open) {
                    self.succeed(action).await?;
                    return Box::pin(self.offer()).await;
                }
                return match self.held_back(update) {
                    Some(why) => self.nothing(open, why).await,
                    None => self.update(&plan, update, open).await,
                };
            }
            (_, open) => open,
        };
        if let Some(action) = self.arrived(&update) {
            self.succeed(action).await?;
            return Ok(Offer::Nothing { why: told(&plan) });
        }
        self.nothing(update, told(&plan)).await
    }

    /// The open action, if the device holds what it leads to.
    fn arrived<'o>(&self, open: &'o Option<Action>) -> Option<&'o Action> {
        let is_there = |action: &&Action| match (&self.device.running, &action.body.after) {
            (Running::Unknown, _) => false,
            (Running::One(running), Running::One(after)) => {
                running == after || {
                    // Devices may tell the digest of the file in place of that of the memory.
                    let images = self.state.catalogue.images();
                    let mut of_file = images.filter(|image| image.sha256 == *running);
                    of_file.any(|image| image.memory.sha256 == *after)
                }
            }
            (running, after) => running == after,
        };
        open.as_ref().filter(is_there)
    }

    async fn succeed(&self, action: &Action) -> Result<(), Error> {
        let result = Report { execution: Execution::Succeeded, message: String::new() };
        report(self.service, self.tenant, action, &result).await.map(|_| ())
    }

    /// Why a device that has failed is not asked again yet.
    fn held_back(&self, update: &Update) -> Option<String> {
        let StoredDevice { failures, failing, retry_at, .. } = self.stored;
        if *failures == 0 || failing != update.release.as_str() {
            return None;
        }
        let most = i64::from(self.state.limits.most_failures);
        if *failures >= most {
            return Some(format!(
                "not offered: it has failed to install {failing} {failures} times"
            ));
        }
        let seconds = (retry_at - now()).max(0) / 1000;
        (*retry_at > now()).then(|| {
            format!(
                "not offered for {seconds} s: it has failed to install {failing} {failures} times"
            )
        })
    }

    /// There is nothing to do: what was offered is taken back.
    async fn nothing(&self, open: Option<Action>, why: String) -> Result<Offer, Error> {
        match open {
            Some(action) => self.take_back(action, why).await,
            None => Ok(Offer::Nothing { why }),
        }
    }

    async fn take_back(&self, action: Action, why: String) -> Result<Offer, Error> {
        let is_begun = action.state != ActionState::Offered;
        if is_begun && self.patience.is_polling {
            self.tenant.move_action(&action, ActionState::Cancelling).await?;
            return Ok(Offer::Cancel(Action { state: ActionState::Cancelling, ..action }));
        }
        self.tenant.move_action(&action, ActionState::Cancelled).await?;
        Ok(Offer::Nothing { why })
    }

    async fn update(
        &self,
        plan: &Plan,
        update: &Update,
        open: Option<Action>,
    ) -> Result<Offer, Error> {
        if let Some(action) = open.as_ref().filter(|open| open.state == ActionState::Cancelling) {
            return Ok(Offer::Cancel(action.clone()));
        }
        let Some(step) = update.steps.first() else {
            return Ok(Offer::Nothing { why: told(plan) });
        };
        // What it has begun it ends, even if there is a cheaper way by now.
        if let Some(open) = &open {
            let is_same = open.release == update.release.as_str() && open.body.step == step.to;
            if is_same
                && (open.state == ActionState::Running || open.body.before == self.device.running)
            {
                return Ok(Offer::Update(open.clone()));
            }
        }
        let body = match self.body(step).await? {
            Body::Ready(body) => body,
            Body::Pending => return Ok(Offer::Wait),
            Body::Never { why } => return self.nothing(open, why).await,
        };
        if let Some(open) = open {
            if open.body == body {
                return Ok(Offer::Update(open));
            }
            if let offer @ Offer::Cancel(_) = self.take_back(open, told(plan)).await? {
                return Ok(offer);
            }
        }
        let rule = plan.reasons.iter().find_map(|reason| match reason {
            Reason::Assigned { rule, .. } => Some(rule.as_str()),
            _ => None,
        });
        let images = step.parts.iter().filter_map(|part| target(&part.transfer));
        let sizes = images.filter_map(|image| self.state.catalogue.image(&image).ok());
        let new = NewAction {
            device: &self.device.id,
            product: &self.device.product,
            rule: rule.unwrap_or_default(),
            release: &update.release,
            whole_bytes: sizes.map(|image| image.size).sum(),
            body: &body,
        };
        match self.tenant.add_action(&new).await? {
            Some(action) => Ok(Offer::Update(action)),
            // Asked twice at the same time: the other one's is as good.
            None => match self.tenant.open_action(&self.device.id).await? {
                Some(action) => Ok(Offer::Update(action)),
                None => Ok(Offer::Wait),
            },
        }
    }

    /// What is sent in a step.
    async fn body(&self, step: &Step) -> Result<Body, Error> {
        let mut contents = Vec::new();
        let mut is_complete = true;
        for part in &step.parts {
            match self.part(step, &part.transfer).await? {
                None => {}
                Some(Part::Ready(content)) => {
                    contents.push(Content { component: part.component.clone(), ..content });
                }
                // All are asked for, so that all are made.
                Some(Part::Pending | Part::Gone) => is_complete = false,
            }
        }
        if !is_complete {
            return Ok(Body::Pending);
        }
        let release = self.state.catalogue.release(&self.device.product, &step.to)?;
        if release.is_set_for(&self.device.applier) {
            contents = match self.set(release, step, &contents).await? {
                Part::Ready(set) => vec![set],
                Part::Pending => return Ok(Body::Pending),
                Part::Gone => {
                    let why = format!("the set to release {} could not be made", release.version);
                    return Ok(Body::Never { why });
                }
            };
        }
        let memory = |digest: &Digest| Ok::<_, Error>(self.image(digest)?.memory.sha256);
        let after = match (&*release.components, &self.device.running) {
            ([one], Running::Unknown | Running::One(_)) => Running::One(memory(&one.image)?),
            (components, _) => {
                let digests = components.iter().map(|component| {
                    Ok::<_, Error>((component.name.clone(), memory(&component.image)?))
                });
                Running::Components(digests.collect::<Result<_, _>>()?)
            }
        };
        let before = self.device.running.clone();
        Ok(Body::Ready(ActionBody { step: step.to.clone(), contents, before, after }))
    }

    pub(super) fn image(&self, digest: &Digest) -> Result<&Image, Error> {
        Ok(self.state.catalogue.image(digest)?)
    }

    /// `None`: the device has it.
    async fn part(&self, step: &Step, transfer: &Transfer) -> Result<Option<Part>, Error> {
        let (old, new, kind) = match transfer {
            Transfer::Delta { old, new } => (Some(old), new, ContentKind::Delta),
            Transfer::Whole { new } => (None, new, ContentKind::Whole),
            Transfer::File { new } => return self.file(new).await.map(Some),
            _ => return Ok(None),
        };
        let old = match old {
            Some(old) => Some(self.image(old)?),
            None => None,
        };
        let new = self.image(new)?;
        let wanted = Wanted {
            product: &self.device.product,
            old,
            new,
            from: step.from.as_ref(),
            to: &step.to,
            applier: &self.device.applier,
        };
        let state = self.tenant.request_job(&wanted).await?;
        Ok(Some(match state {
            JobState::Done(made) => {
                let product = self.device.product.clone();
                Part::Ready(Content::of_job(product, kind, made, Some(new.memory.sha256)))
            }
            JobState::Impossible => Part::Gone,
            JobState::Pending { since } => {
                self.service.bell().asked.notify_one();
                let is_late = now() - since > millis(self.service.config().patience());
                let release = self.state.catalogue.release(&self.device.product, &step.to)?;
                let takes_files = release.takes_files(&self.device.applier);
                match is_late && takes_files {
                    true => self.file(&new.sha256).await?,
                    false => Part::Pending,
                }
            }
        }))
    }

    async fn file(&self, digest: &Digest) -> Result<Part, Error> {
        let file = self.tenant.file(digest).await?;
        Ok(Part::Ready(Content::of_file(self.device.product.clone(), file)))
    }
}

fn target(transfer: &Transfer) -> Option<Digest> {
    match transfer {
        Transfer::Delta { new, .. } | Transfer::Whole { new } | Transfer::File { new } => {
            Some(*new)
        }
        _ => None,
    }
}

/// Why, for people.
fn told(plan: &Plan) -> String {
    let reasons: Vec<String> = plan.reasons.iter().map(ToString::to_string).collect();
    reasons.join("; ")
}
