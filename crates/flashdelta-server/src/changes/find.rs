//! The patch between two releases.

use flashdelta::file::{Memory, MemoryOptions};
use flashdelta::PatchHeader;
use flashdelta_fleet::catalogue::{Applier, Component, Image, Release};
use flashdelta_fleet::{Digest, Name, Version};
use serde::Serialize;

use super::{blocks, Block};
use crate::catalogue::ProductState;
use crate::database::Tenant;
use crate::jobs::{Between, Wanted};
use crate::{Error, Service};

/// What changed of a component.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Changes {
    pub(crate) from: Version,
    pub(crate) to: Version,
    pub(crate) component: Name,
    pub(crate) old_size: u32,
    pub(crate) new_size: u32,
    /// Bytes of the whole patch; 0: nothing has changed.
    pub(crate) patch_size: u64,
    /// How it is coded, and by which instruction set references are predicted.
    pub(crate) codec: String,
    pub(crate) isa: String,
    /// The size of a block.
    pub(crate) block_size: u32,
    pub(crate) blocks: Vec<Block>,
}

/// What there is of it.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(crate) enum Found {
    /// All.
    Ready(Changes),
    /// The patch is being made.
    Pending {
        /// What keeps it from being made, for people; empty: nothing but time.
        #[serde(skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// No device has needed this patch yet.
    Missing,
    /// There is none.
    Impossible {
        /// Why, for people.
        why: String,
    },
}

/// A component of two releases.
struct Pair<'a> {
    component: &'a Component,
    old: &'a Image,
    new: &'a Image,
}

/// What changed of a component, or of the first one, from one release to another.
///
/// # Errors
///
/// [`Error::Catalogue`], if there are no such releases; [`Error::NotFound`], if there is no such
/// component.
pub(crate) async fn find(
    service: &Service,
    tenant: &Tenant,
    product: &Name,
    (from, to): (&Version, &Version),
    component: &str,
) -> Result<Found, Error> {
    let state = service.states().get(tenant, product).await?;
    let Pair { component, old, new } = pair(&state, product, (from, to), component)?;
    let changes = |patch_size, codec: &str, isa: &str, blocks| Changes {
        from: from.clone(),
        to: to.clone(),
        component: component.name.clone(),
        old_size: old.memory.size,
        new_size: new.memory.size,
        patch_size,
        codec: codec.to_owned(),
        isa: isa.to_owned(),
        block_size: blocks::size(new.memory.size),
        blocks,
    };
    if old.memory == new.memory {
        return Ok(Found::Ready(changes(0, "", "", blocks::same(new.memory.size))));
    }
    if old.is_container || new.is_container {
        let why = "archives are patched member by member: there is no picture of them".to_owned();
        return Ok(Found::Impossible { why });
    }
    let patch = match tenant.patch_between(&old.memory.sha256, &new.memory.sha256).await? {
        Between::Done { sha256 } => sha256,
        Between::Pending { why } => return Ok(Found::Pending { why }),
        Between::None => return Ok(Found::Missing),
        Between::Impossible { why } => return Ok(Found::Impossible { why }),
    };
    let (header, patch_size, blocks) = read(service, tenant, &old.sha256, &patch).await?;
    let (codec, isa) = (header.codec.name(), header.isa.name());
    Ok(Found::Ready(changes(patch_size, codec, isa, blocks)))
}

/// Has the patch made, as for a device of which nothing is known.
///
/// # Errors
///
/// As [`find`].
pub(crate) async fn ask(
    service: &Service,
    tenant: &Tenant,
    product: &Name,
    (from, to): (&Version, &Version),
    component: &str,
) -> Result<(), Error> {
    let state = service.states().get(tenant, product).await?;
    let Pair { old, new, .. } = pair(&state, product, (from, to), component)?;
    let applier = Applier::default();
    let wanted = Wanted { product, old: Some(old), new, from: Some(from), to, applier: &applier };
    tenant.request_job(&wanted).await?;
    service.bell().asked.notify_one();
    Ok(())
}

fn pair<'a>(
    state: &'a ProductState,
    product: &Name,
    (from, to): (&Version, &Version),
    component: &str,
) -> Result<Pair<'a>, Error> {
    let catalogue = &state.catalogue;
    let (from, to) = (catalogue.release(product, from)?, catalogue.release(product, to)?);
    let of = |release: &'a Release, name: &str| {
        let mut all = release.components.iter();
        let found = all.find(|one| name.is_empty() || *one.name == *name);
        let image = |found: &'a Component| Some((found, catalogue.image(&found.image).ok()?));
        let wrong = || Error::NotFound { what: format!("component {name} of both releases") };
        found.and_then(image).ok_or_else(wrong)
    };
    let (component, new) = of(to, component)?;
    let (_, old) = of(from, &component.name)?;
    Ok(Pair { component, old, new })
}

async fn read(
    service: &Service,
    tenant: &Tenant,
    old: &Digest,
    patch: &Digest,
) -> Result<(PatchHeader, u64, Vec<Block>), Error> {
    let old = service.contents().get(tenant, old).await?;
    let patch = service.contents().get(tenant, patch).await?;
    let work = tokio::task::spawn_blocking(move || {
        let memory = Memory::read(&old, &MemoryOptions::new());
        let memory = memory.map_err(|error| Error::Firmware(error.to_string()))?;
        let (header, blocks) = blocks::of_patch(&memory.image, &patch)?;
        Ok((header, patch.len() as u64, blocks))
    });
    work.await.map_err(|error| Error::Make(error.to_string()))?
}
