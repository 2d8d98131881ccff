//! Releases.

use axum::extract::State;
use axum::response::Response;
use flashdelta_fleet::catalogue::{Catalogue, Release};
use flashdelta_fleet::{Name, Version};

use super::super::body::At;
use super::answer::{encoded, go, refused, told};
use super::guard::Visitor;
use super::products::shelf;
use super::text::Size;
use super::upload::Upload;
use crate::catalogue::{application, NewRelease};
use crate::{Error, Service};

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

pub(super) async fn post(
    State(service): State<Service>,
    visitor: Visitor,
    At(product): At<Name>,
    upload: Upload,
) -> Result<Response, Error> {
    match add(&service, &visitor, &product, upload).await {
        Ok(()) => Ok(go(&format!("/ui/products/{}?done=release", encoded(&product)))),
        Err(error) => {
            let (error, problem) = told(error)?;
            refused(&shelf(&service, &visitor, &product, problem).await?, &error)
        }
    }
}

async fn add(
    service: &Service,
    visitor: &Visitor,
    product: &Name,
    upload: Upload,
) -> Result<(), Error> {
    let Upload { fields, file_name, bytes } = upload;
    let new = NewRelease {
        version: Version::new(fields.text("version"))?,
        name: file_name,
        component: match fields.text("component") {
            "" => application(),
            name => Name::new(name)?,
        },
        hardware_first: fields.number("hardware_first")?,
        hardware_last: fields.number("hardware_last")?,
        security_counter: fields.number("security_counter")?.unwrap_or(0),
        notes: fields.text("notes").to_owned(),
    };
    let caller = visitor.caller();
    let contents = service.contents();
    caller.tenant.add_release(contents, caller.who(), product.clone(), new, bytes).await.map(|_| ())
}
