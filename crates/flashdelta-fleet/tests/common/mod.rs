//! A small catalogue, made up.

use std::collections::BTreeMap;

use flashdelta_fleet::catalogue::{
    Applier, Catalogue, Component, Device, Image, Memory, Product, Release,
};
use flashdelta_fleet::planner::{Cost, Costs};
use flashdelta_fleet::{Digest, Name, Version};

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn version(text: &str) -> Version {
    Version::new(text).unwrap()
}

/// The image number `number`, of that many bytes.
pub(crate) fn image(number: u8, size: u32) -> Image {
    let memory = Memory { sha256: Digest::of(&[1, number]), size };
    Image {
        sha256: Digest::of(&[0, number]),
        size: size.into(),
        memory,
        format: "raw".into(),
        is_container: false,
        packed_percent: 0,
        details: BTreeMap::new(),
        versions: Vec::new(),
    }
}

pub(crate) const SIZE: u32 = 1000;

/// A product "heron" with releases of these versions; each has an image of its own for each of the
/// components.
pub(crate) fn catalogue(versions: &[&str], components: &[&str]) -> Catalogue {
    let mut catalogue = Catalogue::new();
    catalogue.add_product(Product::new(name("heron"))).unwrap();
    for (number, text) in versions.iter().enumerate() {
        let mut release = Release::new(name("heron"), version(text));
        for (part, component) in components.iter().enumerate() {
            let image = image((number * components.len() + part) as u8, SIZE);
            release = release.component(Component::new(name(component), image.sha256));
            catalogue.add_image(image).unwrap();
        }
        catalogue.add_release(release).unwrap();
    }
    catalogue
}

pub(crate) fn device() -> Device {
    Device::new("heron-1", name("heron"))
}

/// Costs by the numbers of the images.
#[derive(Default, Debug, Clone)]
pub(crate) struct Table {
    pub(crate) deltas: BTreeMap<(u8, u8), u64>,
    pub(crate) wholes: BTreeMap<u8, u64>,
}

fn number(image: &Image) -> u8 {
    (0..=255).find(|number| Digest::of(&[0, *number]) == image.sha256).unwrap()
}

impl Costs for Table {
    fn delta(&self, old: &Image, new: &Image, _: &Applier) -> Option<Cost> {
        let bytes = *self.deltas.get(&(number(old), number(new)))?;
        Some(Cost { bytes, is_exact: true })
    }

    fn whole(&self, new: &Image, _: &Applier) -> Option<Cost> {
        let bytes = *self.wholes.get(&number(new))?;
        Some(Cost { bytes, is_exact: true })
    }
}
