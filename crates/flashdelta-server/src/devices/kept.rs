//! What devices said.

use serde::Serialize;

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

impl Tenant {
    /// What a device said of an action.
    pub(crate) async fn reports(&self, action: &Action) -> Result<Vec<KeptReport>, Error> {
        let rows = self.sql(scoped!(
            "SELECT at, execution, message FROM reports WHERE tenant = $1 AND action = $2 \
             ORDER BY number"
        ));
        let report = |row| {
            let (at, execution) = (column(row, 0)?, column(row, 1)?);
            Ok(KeptReport { at, execution, message: column(row, 2)? })
        };
        rows.bind(action.id).all(self).await?.iter().map(report).collect()
    }
}
