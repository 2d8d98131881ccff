//! What a device would get now, for people.

use flashdelta_fleet::planner::{self, Plan};

use crate::catalogue::StoredDevice;
use crate::database::Tenant;
use crate::time::now;
use crate::{Error, Service};

/// What a device would get now, and why. Nothing is offered by that.
///
/// # Errors
///
/// [`Error::Bad`], if its product is not known.
pub(crate) async fn plan(
    service: &Service,
    tenant: &Tenant,
    stored: &StoredDevice,
) -> Result<Plan, Error> {
    let Some(device) = &stored.device else {
        return Err(Error::bad("device", &*stored.id, "one whose product is known"));
    };
    let state = service.states().get(tenant, &device.product).await?;
    Ok(planner::plan(&state.catalogue, &state.rules, device, now() / 1000, &*state.costs)?)
}
