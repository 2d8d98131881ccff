//! Pre-shared keys of devices, for DTLS.

use core::fmt;

use serde::Serialize;

use super::secret::random;
use super::{Caller, Role, TokenKind};
use crate::database::{column, scoped, Database, Tenant};
use crate::hex::hex;
use crate::time::now;
use crate::Error;

/// Bytes of a key: what small libraries of DTLS have room for, and 128 bits that nobody guesses.
const KEY: usize = 16;

/// The pre-shared key of a device, without the key.
#[derive(Debug, Serialize)]
pub struct Psk {
    /// The identity that the device says.
    pub identity: String,
    /// When the key was made, in milliseconds since 1970.
    pub created: i64,
}

/// A key that was just made: it is not shown again. `Debug` does not show it.
pub struct NewPsk {
    /// The identity that the device is to say.
    pub identity: String,
    key: [u8; KEY],
}

impl NewPsk {
    fn generate() -> Result<Self, Error> {
        // The identity tells nothing of the key, nor of the device: it is sent in the clear.
        let identity = format!("fdk_{}", hex(&random::<8>()?));
        Ok(Self { identity, key: random()? })
    }

    /// The key, in hexadecimal digits, to be shown to whoever asked for it, once.
    pub fn reveal(&self) -> String {
        hex(&self.key)
    }
}

impl fmt::Debug for NewPsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewPsk({})", self.identity)
    }
}

impl Tenant {
    /// A new key for a device. The old one is no good any more.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], if there is no such device.
    pub async fn renew_psk(&self, who: &str, device: &str) -> Result<NewPsk, Error> {
        self.device(device).await?;
        let new = NewPsk::generate()?;
        let mut transaction = self.begin().await?;
        transaction
            .sql(scoped!("DELETE FROM psk WHERE tenant = $1 AND device = $2"))
            .bind(device.to_owned())
            .execute(&mut transaction)
            .await?;
        transaction
            .sql(scoped!(
                "INSERT INTO psk (tenant, identity, device, key, created) \
                 VALUES ($1, $2, $3, $4, $5)"
            ))
            .bind(new.identity.clone())
            .bind(device.to_owned())
            .bind(new.reveal())
            .bind(now())
            .execute(&mut transaction)
            .await?;
        transaction.note(who, "pre-shared key", device, &new.identity).await?;
        transaction.commit().await?;
        Ok(new)
    }

    /// The key of a device, without the key itself.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], if it has none.
    pub async fn psk(&self, device: &str) -> Result<Psk, Error> {
        let found = self
            .sql(scoped!("SELECT identity, created FROM psk WHERE tenant = $1 AND device = $2"))
            .bind(device.to_owned())
            .optional(self)
            .await?;
        let row = found.ok_or_else(|| none(device))?;
        Ok(Psk { identity: column(&row, 0)?, created: column(&row, 1)? })
    }

    /// Revokes the key of a device.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], if it has none.
    pub async fn remove_psk(&self, who: &str, device: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let removed = transaction
            .sql(scoped!("DELETE FROM psk WHERE tenant = $1 AND device = $2"))
            .bind(device.to_owned())
            .execute(&mut transaction)
            .await?;
        if removed == 0 {
            return Err(none(device));
        }
        transaction.note(who, "pre-shared key revoked", device, "").await?;
        transaction.commit().await
    }
}

impl Database {
    /// The device of an identity, and its key.
    pub(crate) async fn caller_by_psk(&self, identity: &str) -> Result<(Caller, Vec<u8>), Error> {
        let found = self.unscoped(
            "SELECT psk.tenant, tenants.name, device, key FROM psk \
             JOIN tenants ON tenants.id = psk.tenant WHERE identity = $1",
        );
        let row =
            found.bind(identity.to_owned()).optional(self).await?.ok_or(Error::Unauthorized)?;
        let key: String = column(&row, 3)?;
        let digits = key.as_bytes().chunks(2).filter_map(|two| core::str::from_utf8(two).ok());
        let key: Vec<u8> =
            digits.filter_map(|digits| u8::from_str_radix(digits, 16).ok()).collect();
        let caller = Caller {
            tenant: self.known_tenant(column(&row, 0)?, &column::<String>(&row, 1)?),
            token: identity.to_owned(),
            kind: TokenKind::Device,
            role: Role::Metrics,
            device: column(&row, 2)?,
        };
        match key.len() {
            KEY => Ok((caller, key)),
            _ => Err(Error::Unauthorized),
        }
    }
}

fn none(device: &str) -> Error {
    Error::NotFound { what: format!("pre-shared key of device {device}") }
}
