//! Releases as tables show them.

use flashdelta_fleet::catalogue::{Catalogue, Release};
use flashdelta_fleet::{Name, Version};

use super::text::Size;

/// A release in a table.
pub(super) struct Row {
    pub(super) version: Version,
    /// The one before it, by which it is compared.
    pub(super) before: Option<Version>,
    pub(super) size: Size,
    pub(super) format: String,
    pub(super) components: String,
    pub(super) hardware: String,
    pub(super) notes: String,
}

/// The releases of a product, the latest first.
pub(super) fn rows(catalogue: &Catalogue, product: &Name) -> Vec<Row> {
    let mut releases: Vec<&Release> = catalogue.releases(product).collect();
    releases.sort_by(|a, b| b.version.cmp(&a.version));
    let before = releases.iter().skip(1).map(|release| Some(release.version.clone()));
    let before = before.chain([None]);
    releases.iter().zip(before).map(|(release, before)| row(catalogue, release, before)).collect()
}

fn row(catalogue: &Catalogue, release: &Release, before: Option<Version>) -> Row {
    let images = || release.components.iter().filter_map(|one| catalogue.image(&one.image).ok());
    let mut formats: Vec<&str> = images().map(|image| &*image.format).collect();
    formats.dedup();
    let names: Vec<&str> = release.components.iter().map(|one| one.name.as_str()).collect();
    let auxiliary = release.auxiliary.iter().map(|content| content.name.as_str());
    Row {
        version: release.version.clone(),
        before,
        size: Size(images().map(|image| image.size).sum()),
        format: formats.join(", "),
        components: names.into_iter().chain(auxiliary).collect::<Vec<_>>().join(", "),
        hardware: match release.hardware {
            None => "any".to_owned(),
            Some(range) => format!("{} to {}", range.first, range.last),
        },
        notes: release.notes.clone(),
    }
}
