//! Releases.

use axum::extract::State;
use axum::response::Response;
use flashdelta_fleet::{Name, Version};

use super::super::body::At;
use super::super::encoded::encoded;
use super::answer::{go, refused, told};
use super::products::shelf;
use super::upload::Upload;
use super::visitor::Visitor;
use crate::catalogue::{application, NewRelease};
use crate::{Error, Service};

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
