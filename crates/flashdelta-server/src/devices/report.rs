//! What a device reports. What it says twice counts once.

use flashdelta_fleet::Name;

use super::{Action, ActionState};
use crate::audit::SERVER;
use crate::catalogue::Limits;
use crate::database::{column, json_column, scoped, Tenant, Transaction};
use crate::time::now;
use crate::{Error, Service};

/// What a device reports.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) execution: Execution,
    /// For people; it is cut after some thousand bytes.
    pub(crate) message: String,
}

/// How far a device is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Execution {
    /// It is at it.
    Proceeding,
    /// It has done it.
    Succeeded,
    /// It could not do it.
    Failed,
    /// It has stopped.
    Cancelled,
    /// It does not stop.
    NotCancelled,
}

impl Execution {
    fn name(self) -> &'static str {
        match self {
            Self::Proceeding => "proceeding",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NotCancelled => "not-cancelled",
        }
    }

    /// The state that it leads to.
    fn state(self) -> ActionState {
        match self {
            Self::Proceeding | Self::NotCancelled => ActionState::Running,
            Self::Succeeded => ActionState::Succeeded,
            Self::Failed => ActionState::Failed,
            Self::Cancelled => ActionState::Cancelled,
        }
    }
}

const LONGEST_MESSAGE: usize = 2000;

/// Of one action: what comes after these counts, but is not kept.
const MOST_REPORTS: i64 = 100;

/// Takes a report; false: it was known already, or comes too late.
pub(crate) async fn report(
    service: &Service,
    tenant: &Tenant,
    action: &Action,
    report: &Report,
) -> Result<bool, Error> {
    let limits = tenant.limits(&action.product).await?;
    let mut transaction = tenant.begin().await?;
    let to = report.execution.state();
    // An action that is being cancelled goes on only if the device says that it does not stop.
    let sql = match report.execution {
        Execution::Proceeding => scoped!(
            "UPDATE actions SET state = $3, changed = $4 \
             WHERE tenant = $1 AND id = $2 AND state IN ('offered', 'running')"
        ),
        _ => scoped!(
            "UPDATE actions SET state = $3, changed = $4 \
             WHERE tenant = $1 AND id = $2 AND state IN ('offered', 'running', 'cancelling')"
        ),
    };
    let is_new = transaction
        .sql(sql)
        .bind(action.id)
        .bind(to.name())
        .bind(now())
        .execute(&mut transaction)
        .await?
        != 0;
    if is_new {
        transaction.keep(action, report).await?;
        match to {
            ActionState::Succeeded => transaction.succeed(action).await?,
            ActionState::Failed => transaction.fail(action, &limits).await?,
            _ => {}
        }
    }
    transaction.commit().await?;
    if is_new && !to.is_open() {
        service.metrics().reported(to.name());
        tracing::info!(
            tenant = tenant.name(),
            action = action.id,
            result = to.name(),
            message = report.message,
            "reported"
        );
    }
    Ok(is_new)
}

impl Transaction {
    async fn keep(&mut self, action: &Action, report: &Report) -> Result<(), Error> {
        let mut message = report.message.clone();
        let cut = (0..=LONGEST_MESSAGE.min(message.len())).rev();
        let end = { cut }.find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
        // PostgreSQL has no text with it.
        let message = message.replace('\0', "");
        self.sql(scoped!(
            "INSERT INTO reports (tenant, action, at, execution, message) \
             SELECT $1, $2, $3, $4, $5 WHERE \
             (SELECT COUNT(*) FROM reports WHERE tenant = $1 AND action = $2) < $6"
        ))
        .bind(action.id)
        .bind(now())
        .bind(report.execution.name())
        .bind(message)
        .bind(MOST_REPORTS)
        .execute(&mut *self)
        .await
        .map(|_| ())
    }

    /// The device holds from now on what the action leads to.
    async fn succeed(&mut self, action: &Action) -> Result<(), Error> {
        let row = self
            .sql(scoped!("SELECT body FROM devices WHERE tenant = $1 AND id = $2"))
            .bind(action.device.clone())
            .one(&mut *self)
            .await?;
        let mut device: flashdelta_fleet::catalogue::Device = json_column(&row, 0)?;
        device.running = action.body.after.clone();
        self.set_device(&device).await?;
        self.sql(scoped!(
            "UPDATE devices SET failures = 0, failing = '', retry_at = 0 \
             WHERE tenant = $1 AND id = $2"
        ))
        .bind(action.device.clone())
        .execute(&mut *self)
        .await?;
        // A step on the way is no result of the roll-out yet.
        if action.body.step.as_str() == action.release {
            self.sql(scoped!(
                "UPDATE rollouts SET succeeded = succeeded + 1 \
                 WHERE tenant = $1 AND product = $2 AND rule = $3 AND release = $4"
            ))
            .bind(action.product.to_string())
            .bind(action.rule.clone())
            .bind(action.release.clone())
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }

    /// The device is asked again later; and the roll-out stops if too many fail.
    async fn fail(&mut self, action: &Action, limits: &Limits) -> Result<(), Error> {
        let row = self
            .sql(scoped!("SELECT failures, failing FROM devices WHERE tenant = $1 AND id = $2"))
            .bind(action.device.clone())
            .one(&mut *self)
            .await?;
        let before: i64 = match column::<String>(&row, 1)? == action.release {
            true => column(&row, 0)?,
            false => 0,
        };
        self.sql(scoped!(
            "UPDATE devices SET failures = $3, failing = $4, retry_at = $5 \
             WHERE tenant = $1 AND id = $2"
        ))
        .bind(action.device.clone())
        .bind(before + 1)
        .bind(action.release.clone())
        .bind(now().saturating_add(limits.pause(before + 1)))
        .execute(&mut *self)
        .await?;
        let row = self
            .sql(scoped!(
                "UPDATE rollouts SET failed = failed + 1 \
                 WHERE tenant = $1 AND product = $2 AND rule = $3 AND release = $4 \
                 RETURNING succeeded, failed, stopped_at"
            ))
            .bind(action.product.to_string())
            .bind(action.rule.clone())
            .bind(action.release.clone())
            .optional(&mut *self)
            .await?;
        let Some(row) = row else { return Ok(()) };
        let (succeeded, failed): (i64, i64) = (column(&row, 0)?, column(&row, 1)?);
        let is_stopped = column::<i64>(&row, 2)? > 0;
        if !is_stopped && limits.is_exceeded(succeeded, failed) {
            let why = format!("{failed} of {} devices failed", succeeded + failed);
            self.stop(action, &why).await?;
        }
        Ok(())
    }

    /// Pauses the rule of an action.
    async fn stop(&mut self, action: &Action, why: &str) -> Result<(), Error> {
        self.sql(scoped!(
            "UPDATE rollouts SET stopped_at = $5 \
             WHERE tenant = $1 AND product = $2 AND rule = $3 AND release = $4"
        ))
        .bind(action.product.to_string())
        .bind(action.rule.clone())
        .bind(action.release.clone())
        .bind(now())
        .execute(&mut *self)
        .await?;
        let mut rules = self.rules_to_change(&action.product).await?;
        let mut of_release = rules.assignments.iter_mut().filter(|rule| {
            rule.id.as_str() == action.rule && rule.release.as_str() == action.release
        });
        let Some(rule) = of_release.next() else { return Ok(()) };
        rule.paused = true;
        let product: &Name = &action.product;
        self.set_rules(product, &rules).await?;
        let subject = format!("{product}: rule {}, release {}", action.rule, action.release);
        tracing::warn!(subject, why, "a roll-out stopped");
        self.note(SERVER, "roll-out stopped", &subject, why).await
    }
}
