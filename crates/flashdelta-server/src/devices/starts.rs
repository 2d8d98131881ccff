//! Devices that fail without a word: they begin again and again.

use super::report::{report, Execution, Report};
use super::{Action, Content};
use crate::database::{column, scoped, Tenant};
use crate::{Error, Service};

/// Notes that a device begins the download of an action's content from its start; of several
/// components the first one counts. False: it has done so too often without a word of what came of
/// it. It may fall back to the old image each time, and would go on like that forever: so that
/// counts as a failure, and it is asked again later.
pub(crate) async fn begin(
    service: &Service,
    tenant: &Tenant,
    action: &Action,
    content: &Content,
) -> Result<bool, Error> {
    if action.body.contents.first() != Some(content) {
        return Ok(true);
    }
    let row = tenant.sql(scoped!(
        "UPDATE actions SET starts = starts + 1 WHERE tenant = $1 AND id = $2 \
         AND state IN ('offered', 'running') RETURNING starts"
    ));
    let Some(row) = row.bind(action.id).optional(tenant).await? else { return Ok(true) };
    let starts: i64 = column(&row, 0)?;
    let most = i64::from(tenant.limits(&action.product).await?.most_starts);
    if most == 0 || starts <= most {
        return Ok(true);
    }
    let message = format!("the download was begun {most} times, and nothing was reported");
    let failed = Report { execution: Execution::Failed, message };
    report(service, tenant, action, &failed).await?;
    Ok(false)
}
