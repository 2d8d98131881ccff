//! How far releases have come.

use flashdelta_fleet::Name;
use serde::Serialize;

use crate::database::{column, scoped, Tenant};
use crate::Error;

/// How far a release has come by a rule.
#[derive(Debug, Serialize)]
pub(crate) struct Rollout {
    pub(crate) rule: String,
    pub(crate) release: String,
    /// Actions that were offered.
    pub(crate) offered: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    /// When it stopped by itself, in milliseconds since 1970; 0: it did not.
    pub(crate) stopped_at: i64,
}

impl Tenant {
    /// The roll-outs of a product.
    pub(crate) async fn rollouts(&self, product: &Name) -> Result<Vec<Rollout>, Error> {
        let rows = self.sql(scoped!(
            "SELECT rule, release, offered, succeeded, failed, stopped_at FROM rollouts \
             WHERE tenant = $1 AND product = $2 ORDER BY rule, release"
        ));
        let rollout = |row| {
            Ok(Rollout {
                rule: column(row, 0)?,
                release: column(row, 1)?,
                offered: column(row, 2)?,
                succeeded: column(row, 3)?,
                failed: column(row, 4)?,
                stopped_at: column(row, 5)?,
            })
        };
        rows.bind(product.to_string()).all(self).await?.iter().map(rollout).collect()
    }
}
