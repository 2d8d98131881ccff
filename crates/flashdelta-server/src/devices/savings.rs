//! What deltas have saved.

use serde::Serialize;

use crate::database::{column, scoped, Tenant};
use crate::Error;

/// What updates of a product took, beside what they would have taken as they are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Savings {
    pub(crate) product: String,
    /// Updates that succeeded, each step of a way counted.
    pub(crate) updates: i64,
    /// Bytes of what was offered for them.
    pub(crate) bytes: i64,
    /// Bytes of the new files.
    pub(crate) whole_bytes: i64,
}

impl Tenant {
    /// What updates of each product took; products without one are not in it.
    pub(crate) async fn savings(&self) -> Result<Vec<Savings>, Error> {
        let rows = self.sql(scoped!(
            "SELECT product, COUNT(*), CAST(SUM(bytes) AS BIGINT), \
             CAST(SUM(whole_bytes) AS BIGINT) FROM actions \
             WHERE tenant = $1 AND state = 'succeeded' GROUP BY product ORDER BY product"
        ));
        let savings = |row| {
            let (product, updates, bytes) = (column(row, 0)?, column(row, 1)?, column(row, 2)?);
            Ok(Savings { product, updates, bytes, whole_bytes: column(row, 3)? })
        };
        rows.all(self).await?.iter().map(savings).collect()
    }
}
