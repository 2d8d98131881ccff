//! What goes with a release and is no firmware: a licence, a language, a map.

use flashdelta_fleet::catalogue::{Auxiliary, Release};
use flashdelta_fleet::planner::held_releases;
use flashdelta_fleet::Version;
use serde::Serialize;

use super::{device, Content};
use crate::auth::Caller;
use crate::{Error, Service};

/// The auxiliary contents of a release.
#[derive(Serialize)]
pub(crate) struct AuxiliaryOf {
    pub(crate) release: Version,
    pub(crate) contents: Vec<Auxiliary>,
}

/// The auxiliary contents of the release that a device is being updated to, or else of the one that
/// it holds; with `version`, of one of these two. `said`: the device, of a gateway's request.
///
/// # Errors
///
/// [`Error::NotFound`], if there is no such release, or it is none of the two: a device sees no
/// others.
pub(crate) async fn auxiliary(
    service: &Service,
    by: &Caller,
    said: Option<&str>,
    version: Option<&Version>,
) -> Result<AuxiliaryOf, Error> {
    let none = || Error::NotFound { what: "release of the device".to_owned() };
    let stored = device(by, said).await?;
    let device = stored.device.as_ref().ok_or_else(none)?;
    let state = service.states().get(&by.tenant, &device.product).await?;
    let open = by.tenant.open_action(&device.id).await?;
    let next = open
        .and_then(|open| state.catalogue.release(&device.product, &open.body.step).ok().cloned());
    let held = held_releases(&state.catalogue, device);
    let mut releases = next.iter().chain(held.last().copied());
    let found = releases.find(|release| version.is_none_or(|version| release.version == *version));
    let Release { version, auxiliary, .. } = found.ok_or_else(none)?;
    Ok(AuxiliaryOf { release: version.clone(), contents: auxiliary.clone() })
}

impl AuxiliaryOf {
    /// One of them, as it is sent.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub(crate) async fn content(&self, by: &Caller, name: &str) -> Result<Content, Error> {
        let found = self.contents.iter().find(|content| *content.name == *name);
        let none = || Error::NotFound { what: format!("auxiliary content {name}") };
        let content = found.ok_or_else(none)?;
        let file = by.tenant.file(&content.sha256).await?;
        Ok(Content::of_file(content.name.clone(), file))
    }
}
