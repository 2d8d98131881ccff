//! Who changed what. There is no way to change what is written here.

use serde::Serialize;

use crate::database::{column, scoped, Tenant, Transaction};
use crate::time::now;
use crate::Error;

/// An entry of the audit log.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) number: i64,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    /// The id of a token, the name of an operator, or `server`.
    pub(crate) who: String,
    pub(crate) what: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
}

/// Who it is when nobody asked.
pub(crate) const SERVER: &str = "server";

impl Transaction {
    /// Notes a change, in the transaction that makes it.
    pub(crate) async fn note(
        &mut self,
        who: &str,
        what: &'static str,
        subject: &str,
        detail: &str,
    ) -> Result<(), Error> {
        self.sql(scoped!(
            "INSERT INTO audit (tenant, at, who, what, subject, detail) \
             VALUES ($1, $2, $3, $4, $5, $6)"
        ))
        .bind(now())
        .bind(who.to_owned())
        .bind(what)
        .bind(subject.to_owned())
        .bind(detail.to_owned())
        .execute(&mut *self)
        .await?;
        Ok(())
    }
}

impl Tenant {
    /// Up to `limit` entries with numbers below `before`, latest first.
    pub(crate) async fn audit(&self, before: i64, limit: u32) -> Result<Vec<Entry>, Error> {
        let rows = self.sql(scoped!(
            "SELECT number, at, who, what, subject, detail FROM audit \
             WHERE tenant = $1 AND number < $2 ORDER BY number DESC LIMIT $3"
        ));
        let entry = |row| {
            Ok(Entry {
                number: column(row, 0)?,
                at: column(row, 1)?,
                who: column(row, 2)?,
                what: column(row, 3)?,
                subject: column(row, 4)?,
                detail: column(row, 5)?,
            })
        };
        rows.bind(before).bind(i64::from(limit)).all(self).await?.iter().map(entry).collect()
    }
}
