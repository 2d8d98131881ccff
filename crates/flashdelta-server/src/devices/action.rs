//! Actions: what a device is to do, and has done.

use flashdelta_fleet::catalogue::Running;
use flashdelta_fleet::{Digest, Name, Version};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::catalogue::StoredFile;
use crate::contents::Hashes;
use crate::database::{column, json_column, scoped, Tenant};
use crate::jobs::Made;
use crate::time::now;
use crate::Error;

/// What a device is to do, or has done.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Action {
    pub(crate) id: i64,
    pub(crate) device: String,
    pub(crate) product: Name,
    pub(crate) rule: String,
    /// The release that it is about; the next step may lead to another one on the way.
    pub(crate) release: String,
    pub(crate) state: ActionState,
    pub(crate) created: i64,
    pub(crate) changed: i64,
    #[serde(flatten)]
    pub(crate) body: ActionBody,
}

/// What is sent, and what comes of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ActionBody {
    /// The release that this step leads to.
    pub(crate) step: Version,
    /// What is sent.
    pub(crate) contents: Vec<Content>,
    /// What the device holds before.
    pub(crate) before: Running,
    /// What it holds afterwards.
    pub(crate) after: Running,
}

/// What is sent for a component.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) component: Name,
    pub(crate) kind: ContentKind,
    /// SHA-256 of what is sent.
    pub(crate) sha256: Digest,
    pub(crate) size: u64,
    pub(crate) hashes: Hashes,
    /// Signatures in a patch, for a header.
    pub(crate) signature: String,
    /// What a file is called.
    pub(crate) file_name: String,
    /// SHA-256 of the memory that the device holds afterwards; `None`: of several components.
    pub(crate) image: Option<Digest>,
}

impl Content {
    /// An uploaded file, as it is.
    pub(crate) fn of_file(component: Name, file: StoredFile) -> Self {
        Self {
            component,
            kind: ContentKind::File,
            sha256: file.image.sha256,
            size: file.image.size,
            hashes: file.hashes,
            signature: String::new(),
            file_name: file.name,
            image: Some(file.image.memory.sha256),
        }
    }

    /// What a job has made.
    pub(super) fn of_job(
        component: Name,
        kind: ContentKind,
        made: Made,
        image: Option<Digest>,
    ) -> Self {
        let Made { sha256, size, hashes, signature } = made;
        let file_name = String::new();
        Self { component, kind, sha256, size, hashes, signature, file_name, image }
    }
}

/// How an image comes about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ContentKind {
    Delta,
    Whole,
    File,
    /// Several components, as one.
    Set,
}

/// Where an action is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ActionState {
    Offered,
    Running,
    Cancelling,
    Succeeded,
    Failed,
    Cancelled,
}

/// An action that is to be.
pub(super) struct NewAction<'a> {
    pub(super) device: &'a str,
    pub(super) product: &'a Name,
    pub(super) rule: &'a str,
    pub(super) release: &'a Version,
    /// Bytes of the images that are not kept.
    pub(super) whole_bytes: u64,
    pub(super) body: &'a ActionBody,
}

impl ContentKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Whole => "whole",
            Self::File => "file",
            Self::Set => "set",
        }
    }
}

impl ActionState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Offered | Self::Running | Self::Cancelling)
    }

    fn of(name: &str) -> Self {
        let all = [Self::Offered, Self::Running, Self::Cancelling, Self::Succeeded, Self::Failed];
        all.into_iter().find(|state| state.name() == name).unwrap_or(Self::Cancelled)
    }
}

impl Action {
    fn of_row(row: &AnyRow) -> Result<Self, Error> {
        Ok(Self {
            id: column(row, 0)?,
            device: column(row, 1)?,
            product: Name::new(column::<String>(row, 2)?)?,
            rule: column(row, 3)?,
            release: column(row, 4)?,
            body: json_column(row, 5)?,
            state: ActionState::of(&column::<String>(row, 6)?),
            created: column(row, 7)?,
            changed: column(row, 8)?,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        scoped!(concat!(
            "SELECT id, device, product, rule, release, body, state, created, changed \
             FROM actions WHERE tenant = $1 AND device = $2 AND ",
            $rest
        ))
    };
}

impl Tenant {
    /// What a device is to do now.
    pub(crate) async fn open_action(&self, device: &str) -> Result<Option<Action>, Error> {
        let row = self.sql(select!("state IN ('offered', 'running', 'cancelling')"));
        let row = row.bind(device.to_owned()).optional(self).await?;
        row.as_ref().map(Action::of_row).transpose()
    }

    /// An action of a device.
    pub(crate) async fn action(&self, device: &str, id: i64) -> Result<Action, Error> {
        let row = self.sql(select!("id = $3")).bind(device.to_owned()).bind(id);
        match row.optional(self).await? {
            Some(row) => Action::of_row(&row),
            None => Err(Error::NotFound { what: format!("action {id} of device {device}") }),
        }
    }

    /// The latest actions of a device.
    pub(crate) async fn actions(&self, device: &str, limit: u32) -> Result<Vec<Action>, Error> {
        let rows = self.sql(select!("id > 0 ORDER BY id DESC LIMIT $3"));
        let rows = rows.bind(device.to_owned()).bind(i64::from(limit)).all(self).await?;
        rows.iter().map(Action::of_row).collect()
    }

    /// Offers something to a device; `None`: somebody else did so at the same time.
    pub(super) async fn add_action(&self, new: &NewAction<'_>) -> Result<Option<Action>, Error> {
        let mut transaction = self.begin().await?;
        let bytes: u64 = new.body.contents.iter().map(|content| content.size).sum();
        let number = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
        let row = transaction
            .sql(scoped!(
                "INSERT INTO actions (tenant, device, product, rule, release, body, state, \
                 bytes, whole_bytes, created, changed) \
                 VALUES ($1, $2, $3, $4, $5, $6, 'offered', $7, $8, $9, $9) \
                 ON CONFLICT DO NOTHING RETURNING id"
            ))
            .bind(new.device.to_owned())
            .bind(new.product.to_string())
            .bind(new.rule.to_owned())
            .bind(new.release.to_string())
            .bind(serde_json::to_string(new.body).map_err(Error::Json)?)
            .bind(number(bytes))
            .bind(number(new.whole_bytes))
            .bind(now())
            .optional(&mut transaction)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let id = column(&row, 0)?;
        transaction
            .sql(scoped!(
                "INSERT INTO rollouts \
                 (tenant, product, rule, release, offered, succeeded, failed, stopped_at) \
                 VALUES ($1, $2, $3, $4, 1, 0, 0, 0) \
                 ON CONFLICT (tenant, product, rule, release) \
                 DO UPDATE SET offered = rollouts.offered + 1"
            ))
            .bind(new.product.to_string())
            .bind(new.rule.to_owned())
            .bind(new.release.to_string())
            .execute(&mut transaction)
            .await?;
        transaction.commit().await?;
        self.action(new.device, id).await.map(Some)
    }

    /// Moves an action from one state to another; false: it was not in that state any more.
    pub(crate) async fn move_action(
        &self,
        action: &Action,
        to: ActionState,
    ) -> Result<bool, Error> {
        let moved = self
            .sql(scoped!(
                "UPDATE actions SET state = $4, changed = $5 \
                 WHERE tenant = $1 AND id = $2 AND state = $3"
            ))
            .bind(action.id)
            .bind(action.state.name())
            .bind(to.name())
            .bind(now())
            .execute(self)
            .await?;
        Ok(moved != 0)
    }
}
