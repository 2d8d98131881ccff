//! What devices said.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::any::AnyRow;

use super::Action;
use crate::database::{column, scoped, Tenant};
use crate::Error;

/// What a device said.
#[derive(Debug, Serialize)]
pub(crate) struct KeptReport {
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) execution: String,
    pub(crate) message: String,
}

impl KeptReport {
    /// Of the columns from `first` on.
    fn of_row(row: &AnyRow, first: usize) -> Result<Self, Error> {
        Ok(Self {
            at: column(row, first)?,
            execution: column(row, first + 1)?,
            message: column(row, first + 2)?,
        })
    }
}

impl Tenant {
    /// What a device said of an action.
    pub(crate) async fn reports(&self, action: &Action) -> Result<Vec<KeptReport>, Error> {
        let rows = self.sql(scoped!(
            "SELECT at, execution, message FROM reports WHERE tenant = $1 AND action = $2 \
             ORDER BY number"
        ));
        let rows = rows.bind(action.id).all(self).await?;
        rows.iter().map(|row| KeptReport::of_row(row, 0)).collect()
    }

    /// What a device said of its latest actions, by their ids.
    pub(crate) async fn latest_reports(
        &self,
        device: &str,
        actions: u32,
    ) -> Result<BTreeMap<i64, Vec<KeptReport>>, Error> {
        let rows = self.sql(scoped!(
            "SELECT action, at, execution, message FROM reports WHERE tenant = $1 AND action IN \
             (SELECT id FROM actions WHERE tenant = $1 AND device = $2 ORDER BY id DESC LIMIT $3) \
             ORDER BY number"
        ));
        let rows = rows.bind(device.to_owned()).bind(i64::from(actions)).all(self).await?;
        let mut by_action: BTreeMap<i64, Vec<KeptReport>> = BTreeMap::new();
        for row in &rows {
            by_action.entry(column(row, 0)?).or_default().push(KeptReport::of_row(row, 1)?);
        }
        Ok(by_action)
    }
}
