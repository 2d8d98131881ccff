//! Devices.

use flashdelta_fleet::catalogue::Device;
use serde::Serialize;
use sqlx::any::AnyRow;

use super::products::json;
use crate::auth::Secret;
use crate::database::{column, scoped, Tenant, Transaction};
use crate::Error;

/// A device, and how it fares.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StoredDevice {
    /// Its id.
    pub(crate) id: String,
    /// What it is; `None` of one that has not told its product yet.
    pub(crate) device: Option<Device>,
    /// When it last asked, in milliseconds since 1970.
    pub(crate) seen: i64,
    /// Failures one after the other.
    pub(crate) failures: i64,
    /// The release that it fails to install.
    pub(crate) failing: String,
    /// When it is offered that again.
    pub(crate) retry_at: i64,
}

/// It has not asked yet.
pub(crate) const NEVER: i64 = 0;

const LONGEST_ID: usize = 128;

impl StoredDevice {
    fn of_row(row: &AnyRow) -> Result<Self, Error> {
        let body: String = column(row, 1)?;
        let device = match body.is_empty() {
            true => None,
            false => Some(serde_json::from_str(&body).map_err(Error::Json)?),
        };
        Ok(Self {
            id: column(row, 0)?,
            device,
            seen: column(row, 2)?,
            failures: column(row, 3)?,
            failing: column(row, 4)?,
            retry_at: column(row, 5)?,
        })
    }
}

impl Tenant {
    /// Up to `limit` devices with ids after this one; of a product, unless that is empty; with
    /// `text` in the id, or at the start of what is said of them, unless that is empty.
    pub(crate) async fn devices(
        &self,
        product: &str,
        text: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<StoredDevice>, Error> {
        let rows = self.sql(scoped!(
            "SELECT id, body, seen, failures, failing, retry_at FROM devices \
             WHERE tenant = $1 AND ($2 = '' OR product = $2) AND id > $3 \
             AND ($4 = '' OR LOWER(id) LIKE $5 ESCAPE '!' OR LOWER(body) LIKE $6 ESCAPE '!') \
             ORDER BY id LIMIT $7"
        ));
        let text = text.to_lowercase();
        let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        let rows = rows
            .bind(product.to_owned())
            .bind(after.to_owned())
            .bind(text)
            .bind(format!("%{escaped}%"))
            // A value that starts with it, in JSON.
            .bind(format!("%:\"{escaped}%"))
            .bind(i64::from(limit));
        rows.all(self).await?.iter().map(StoredDevice::of_row).collect()
    }

    /// The number of devices, and of those that failed the last time.
    pub(crate) async fn count_devices(&self) -> Result<(i64, i64), Error> {
        let row = self.sql(scoped!(
            "SELECT COUNT(*), COUNT(CASE WHEN failures > 0 THEN 1 END) FROM devices \
             WHERE tenant = $1"
        ));
        let row = row.one(self).await?;
        Ok((column(&row, 0)?, column(&row, 1)?))
    }

    /// A device.
    pub(crate) async fn device(&self, id: &str) -> Result<StoredDevice, Error> {
        self.find_device(id).await?.ok_or_else(|| no_device(id))
    }

    /// A device, if it is known.
    pub(crate) async fn find_device(&self, id: &str) -> Result<Option<StoredDevice>, Error> {
        let row = self.sql(scoped!(
            "SELECT id, body, seen, failures, failing, retry_at FROM devices \
             WHERE tenant = $1 AND id = $2"
        ));
        let row = row.bind(id.to_owned()).optional(self).await?;
        row.as_ref().map(StoredDevice::of_row).transpose()
    }

    /// Enters a device, or changes what it is. A new one gets a token.
    pub(crate) async fn put_device(
        &self,
        who: &str,
        device: &Device,
    ) -> Result<Option<Secret>, Error> {
        check_id(&device.id)?;
        device.check()?;
        self.product(&device.product).await?;
        let mut transaction = self.begin().await?;
        let is_new = transaction.add_device(&device.id).await?;
        transaction.set_device(device).await?;
        let secret = match is_new {
            true => Some(transaction.renew_device_token(&device.id).await?),
            false => None,
        };
        transaction.note(who, "device", &device.id, "").await?;
        transaction.commit().await?;
        Ok(secret)
    }

    /// A new token for a device. The old one is no good any more.
    pub(crate) async fn renew_device(&self, who: &str, id: &str) -> Result<Secret, Error> {
        self.device(id).await?;
        let mut transaction = self.begin().await?;
        let secret = transaction.renew_device_token(id).await?;
        transaction.note(who, "token of a device", id, "").await?;
        transaction.commit().await?;
        Ok(secret)
    }

    /// Enters a device of which nothing is known but its id, for a gateway.
    pub(crate) async fn add_device(&self, id: &str) -> Result<StoredDevice, Error> {
        check_id(id)?;
        let mut transaction = self.begin().await?;
        transaction.add_device(id).await?;
        transaction.commit().await?;
        self.device(id).await
    }

    /// Notes when a device asked.
    pub(crate) async fn see_device(&self, id: &str, now: i64) -> Result<(), Error> {
        let seen = self.sql(scoped!(
            "UPDATE devices SET seen = $3 WHERE tenant = $1 AND id = $2 AND seen < $3"
        ));
        seen.bind(id.to_owned()).bind(now).execute(self).await.map(|_| ())
    }

    /// Keeps what a device says of itself.
    pub(crate) async fn save_device(&self, device: &Device) -> Result<(), Error> {
        device.check()?;
        let mut transaction = self.begin().await?;
        transaction.set_device(device).await?;
        transaction.commit().await
    }
}

impl Transaction {
    async fn add_device(&mut self, id: &str) -> Result<bool, Error> {
        let added = self
            .sql(scoped!(
                "INSERT INTO devices \
                 (tenant, id, product, body, seen, failures, failing, retry_at) \
                 VALUES ($1, $2, '', '', $3, 0, '', 0) ON CONFLICT (tenant, id) DO NOTHING"
            ))
            .bind(id.to_owned())
            .bind(NEVER)
            .execute(&mut *self)
            .await?;
        Ok(added != 0)
    }

    /// Replaces what a device is.
    pub(crate) async fn set_device(&mut self, device: &Device) -> Result<(), Error> {
        let changed = self
            .sql(scoped!(
                "UPDATE devices SET product = $3, body = $4 WHERE tenant = $1 AND id = $2"
            ))
            .bind(device.id.clone())
            .bind(device.product.to_string())
            .bind(json(device)?)
            .execute(&mut *self)
            .await?;
        if changed == 0 {
            Err(no_device(&device.id))
        } else {
            Ok(())
        }
    }
}

fn no_device(id: &str) -> Error {
    Error::NotFound { what: format!("device {id}") }
}

fn check_id(id: &str) -> Result<(), Error> {
    let is_id = (1..=LONGEST_ID).contains(&id.len()) && !id.chars().any(char::is_control);
    match is_id {
        true => Ok(()),
        false => Err(Error::bad("id", id, "1 to 128 bytes of text")),
    }
}
