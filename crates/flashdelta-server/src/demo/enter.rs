//! Enters the family into a service.

use bytes::Bytes;
use flashdelta_fleet::catalogue::{Product, Running};
use flashdelta_fleet::rules::{Assignment, Condition, Share};
use flashdelta_fleet::{Name, Version};

use super::family::{Habit, MadeUp, FAMILY, FORGOTTEN};
use crate::audit::SERVER;
use crate::auth::{NewToken, Password, Role, Secret, TokenKind};
use crate::catalogue::{application, NewRelease};
use crate::config::FIRST_TENANT;
use crate::database::Tenant;
use crate::{Error, Service};

/// A device that is there, with what it has to know.
pub(super) struct Entered {
    pub(super) of: &'static MadeUp,
    pub(super) id: String,
    pub(super) habit: Habit,
    pub(super) token: Secret,
    /// What it runs.
    pub(super) image: &'static [u8],
}

/// For whoever looks at it.
pub(super) struct Keys {
    pub(super) password: Password,
    pub(super) token: Secret,
}

/// The name of operator and token.
pub(super) const NAME: &str = "demo";

/// The tenant of the family.
pub(super) async fn tenant(service: &Service) -> Result<Tenant, Error> {
    match service.database().add_tenant(FIRST_TENANT).await {
        Err(Error::Exists { .. }) => service.database().tenant(FIRST_TENANT).await,
        added => added,
    }
}

/// An operator and a token of this run: those of the last one are no good any more.
pub(super) async fn keys(tenant: &Tenant) -> Result<Keys, Error> {
    let password = Password::generate()?;
    tenant.put_operator(SERVER, NAME, Role::Admin, password.clone()).await?;
    for token in tenant.tokens().await?.iter().filter(|token| token.name == NAME) {
        tenant.remove_token(SERVER, &token.id).await?;
    }
    let token = NewToken { kind: TokenKind::Operator, role: Role::Admin, device: "", name: NAME };
    Ok(Keys { password, token: tenant.add_token(&token).await?.1 })
}

/// Enters the family, as far as it is not there from the last time; gives its devices.
pub(super) async fn family(service: &Service, tenant: &Tenant) -> Result<Vec<Entered>, Error> {
    let mut entered = Vec::new();
    for of in &FAMILY {
        let name = of.name()?;
        if matches!(tenant.product(&name).await, Err(Error::NotFound { .. })) {
            product(service, tenant, of, &name).await?;
        }
        for (device, habit) in of.devices()? {
            if tenant.find_device(&device.id).await?.is_none() {
                tenant.put_device(SERVER, &device).await?;
            }
            let stored = tenant.device(&device.id).await?.device.unwrap_or(device);
            let image = match &stored.running {
                Running::One(digest) => of.image(digest),
                _ => None,
            };
            let token = tenant.renew_device(SERVER, &stored.id).await?;
            let (id, image) = (stored.id, image.unwrap_or(FORGOTTEN));
            entered.push(Entered { of, id, habit, token, image });
        }
    }
    Ok(entered)
}

async fn product(
    service: &Service,
    tenant: &Tenant,
    of: &MadeUp,
    name: &Name,
) -> Result<(), Error> {
    let product = Product { title: of.title.to_owned(), ..Product::new(name.clone()) };
    tenant.put_product(SERVER, &product).await?;
    for (version, file, bytes) in of.releases {
        let new = NewRelease {
            version: Version::new(version)?,
            name: file.to_owned(),
            component: application(),
            hardware_first: None,
            hardware_last: None,
            security_counter: 0,
            notes: format!("Release {version} of the {}", of.product),
        };
        let (contents, bytes) = (service.contents(), Bytes::from_static(bytes));
        tenant.add_release(contents, SERVER, name.clone(), new, bytes).await?;
    }
    let [_, (last, ..)] = of.releases;
    let condition = Condition::new(of.condition)
        .map_err(|error| Error::bad("condition", of.condition, error.to_string()))?;
    let share = Share::of_percent(of.percent.into())?;
    let rule = Assignment::new(Name::new(format!("to {last}"))?, Version::new(last)?);
    tenant.add_rollout(SERVER, name, Assignment { condition, share, ..rule }).await.map(|_| ())
}
