//! What a device holds, by what it reports.

use std::collections::BTreeMap;

use super::Reason;
use crate::catalogue::{Catalogue, Component, Device, Image, Release, Running};
use crate::{Digest, Name, Version};

/// What a device holds: of each component the image, as far as it is known.
pub(super) struct Held<'a> {
    images: BTreeMap<&'a Name, &'a Image>,
    /// The releases that it holds entirely, in the order of versions. Two may be made of the same
    /// images.
    pub(super) releases: Vec<&'a Release>,
    /// The version that it runs, as far as it is known.
    pub(super) version: Option<&'a Version>,
}

/// The releases that a device holds entirely, by what it reports, in the order of versions. Two may
/// be made of the same images.
pub fn held_releases<'a>(catalogue: &'a Catalogue, device: &'a Device) -> Vec<&'a Release> {
    Held::of(catalogue, device, &mut Vec::new()).releases
}

impl<'a> Held<'a> {
    /// Looks up what a device reports.
    pub(super) fn of(
        catalogue: &'a Catalogue,
        device: &'a Device,
        reasons: &mut Vec<Reason>,
    ) -> Self {
        let mut images = BTreeMap::new();
        let mut unknown: BTreeMap<&Name, bool> = BTreeMap::new();
        for release in catalogue.releases(&device.product) {
            let is_only = release.components.len() == 1;
            for component in &release.components {
                let Some(digest) = device.running.digest(&component.name, is_only) else {
                    continue;
                };
                let found = image(catalogue, component).filter(|image| is(image, &digest));
                *unknown.entry(&component.name).or_insert(true) &= found.is_none();
                if let Some(image) = found {
                    images.insert(&component.name, image);
                }
            }
        }
        match &device.running {
            Running::Unknown => reasons.push(Reason::NoDigest),
            Running::One(_) if images.is_empty() => {
                reasons.push(Reason::UnknownImage { component: None });
            }
            Running::One(_) => {}
            Running::Components(_) => {
                let unknown = unknown.into_iter().filter(|(_, is_unknown)| *is_unknown);
                reasons.extend(
                    unknown.map(|(name, _)| Reason::UnknownImage { component: Some(name.clone()) }),
                );
            }
        }
        // A single digest is of a release that has one component.
        let is_one = matches!(device.running, Running::One(_));
        let holds = |component: &Component| {
            let held = images.get(&component.name).zip(image(catalogue, component));
            held.is_some_and(|(held, image)| held.memory == image.memory)
        };
        let is_whole = |release: &&Release| {
            (!is_one || release.components.len() == 1) && release.components.iter().all(holds)
        };
        let releases: Vec<&Release> =
            catalogue.releases(&device.product).filter(is_whole).collect();
        let version = releases.last().map(|release| &release.version).or(device.version.as_ref());
        Self { images, releases, version }
    }

    /// The image that it holds for a component.
    pub(super) fn image(&self, component: &Name) -> Option<&'a Image> {
        self.images.get(component).copied()
    }
}

fn image<'a>(catalogue: &'a Catalogue, component: &Component) -> Option<&'a Image> {
    catalogue.image_of(component)
}

/// Whether a digest is that of an image: of the memory, or of the file.
fn is(image: &Image, digest: &Digest) -> bool {
    image.memory.sha256 == *digest || image.sha256 == *digest
}
