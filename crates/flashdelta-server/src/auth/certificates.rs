//! Devices that have a certificate.

use super::{Caller, Role, TokenKind};
use crate::database::Database;
use crate::Error;

impl Database {
    /// The device of a tenant that a certificate names. One that is new is entered: whoever issues
    /// certificates says which devices there are.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthorized`], if there is no such tenant; [`Error::Bad`], if it cannot be an id.
    pub(crate) async fn caller_by_certificate(
        &self,
        tenant: &str,
        device: String,
    ) -> Result<Caller, Error> {
        let tenant = self.tenant(tenant).await.map_err(|error| match error {
            Error::NotFound { .. } => Error::Unauthorized,
            error => error,
        })?;
        if tenant.find_device(&device).await?.is_none() {
            tenant.add_device(&device).await?;
        }
        let token = format!("certificate of {}/{device}", tenant.name());
        Ok(Caller { tenant, token, kind: TokenKind::Device, role: Role::Metrics, device })
    }
}
