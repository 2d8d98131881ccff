//! The plain request, whatever it comes by: "I hold this; what next?", and what came of it.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{configure, poll, report, Action, ActionState, Content, ContentKind, Execution, Offer};
use super::{Patience, Report};
use crate::auth::{Caller, TokenKind};
use crate::catalogue::StoredDevice;
use crate::time::now;
use crate::{Error, Service};

/// What a device asks, by names: what is about the request, and what it says of itself.
pub(crate) struct Question {
    /// The device, of a gateway's request.
    device: Option<String>,
    /// The component that is asked for, if the device names one.
    pub(crate) component: Option<String>,
    /// How long it waits for a patch that is still to be made.
    wait: Option<String>,
    said: BTreeMap<String, String>,
}

/// What a device that asks the plain question is told.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing; why, for people.
    Nothing { why: String },
    /// It is to do this.
    Update(Box<Action>),
}

impl Question {
    /// Of these names and values.
    pub(crate) fn new(mut said: BTreeMap<String, String>) -> Self {
        let [device, component, wait] =
            ["device", "component", "wait"].map(|name| said.remove(name));
        Self { device, component, wait, said }
    }

    /// The answer. A device that does not say how long it waits, waits for `default`, and no device
    /// longer than `most`.
    ///
    /// # Errors
    ///
    /// [`Error::NotReady`], if what it needs is still being made.
    pub(crate) async fn ask(
        &self,
        service: &Service,
        by: &Caller,
        default: Duration,
        most: Duration,
    ) -> Result<Next, Error> {
        let wait = match &self.wait {
            Some(wait) => {
                let seconds = wait.parse().map_err(|_| Error::bad("wait", wait, "seconds"))?;
                Duration::from_secs(seconds)
            }
            None => default,
        };
        let patience = Patience { wait: wait.min(most), is_polling: false };
        let stored = device(by, self.device.as_deref()).await?;
        seen(by, &stored).await?;
        let stored = configure(&by.tenant, stored, &self.said).await?;
        match poll(service, &by.tenant, &stored, patience).await? {
            Offer::Wait => Err(Error::NotReady { retry_after: service.config().retry_seconds }),
            // Who asks this way has given up what it had begun.
            Offer::Cancel(action) => {
                by.tenant.move_action(&action, ActionState::Cancelled).await?;
                Err(Error::NotReady { retry_after: 1 })
            }
            Offer::Nothing { why } => Ok(Next::Nothing { why }),
            Offer::Update(action) => Ok(Next::Update(action.into())),
        }
    }

    /// What is sent of an action: the component that is asked for, or the first one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub(crate) fn part<'a>(&self, action: &'a Action) -> Result<&'a Content, Error> {
        let mut contents = action.body.contents.iter();
        let found = match &self.component {
            // In a set there are all.
            Some(name) => contents
                .find(|content| *content.component == **name || content.kind == ContentKind::Set),
            None => contents.next(),
        };
        found.ok_or_else(|| Error::NotFound { what: "change of that component".to_owned() })
    }
}

/// The device that asks. A gateway says which one; one that is unknown is entered.
pub(crate) async fn device(by: &Caller, said: Option<&str>) -> Result<StoredDevice, Error> {
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
pub(crate) async fn seen(by: &Caller, stored: &StoredDevice) -> Result<(), Error> {
    const EVERY: i64 = 60_000;
    match now() - stored.seen > EVERY {
        true => by.tenant.see_device(&stored.id, now()).await,
        false => Ok(()),
    }
}

/// What a device reports.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlainReport {
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

impl PlainReport {
    /// Takes it; false: it has been reported before.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], if the device has no such action.
    pub(crate) async fn take(self, service: &Service, by: &Caller) -> Result<bool, Error> {
        let stored = device(by, self.device.as_deref()).await?;
        let action = by.tenant.action(&stored.id, self.action).await?;
        let execution = match self.result {
            Outcome::Proceeding => Execution::Proceeding,
            Outcome::Success => Execution::Succeeded,
            Outcome::Failure => Execution::Failed,
        };
        let told = Report { execution, message: self.message };
        report(service, &by.tenant, &action, &told).await
    }
}
