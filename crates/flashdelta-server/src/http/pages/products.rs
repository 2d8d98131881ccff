//! Products.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use flashdelta_fleet::catalogue::Product;
use flashdelta_fleet::Name;

use super::super::body::{Asked, At};
use super::super::encoded::encoded;
use super::answer::{go, page, refused, told, Done};
use super::fields::Fields;
use super::frame::Frame;
use super::rollouts::{of_product, Shown};
use super::versions::Row;
use super::visitor::Visitor;
use crate::auth::Caller;
use crate::catalogue::Limits;
use crate::{Error, Service};

#[derive(Template)]
#[template(path = "products.html")]
struct Products<'a> {
    frame: Frame,
    products: Vec<Product>,
    name: &'a str,
    title: &'a str,
    problem: &'a str,
}

async fn products<'a>(visitor: &Visitor) -> Result<Products<'a>, Error> {
    let products = visitor.caller().tenant.products().await?;
    let frame = Frame::new(visitor, "Products", "/ui/products");
    Ok(Products { frame, products, name: "", title: "", problem: "" })
}

pub(super) async fn list(visitor: Visitor) -> Result<Response, Error> {
    page(&products(&visitor).await?)
}

pub(super) async fn post(visitor: Visitor, fields: Fields) -> Result<Response, Error> {
    let (name, title) = (fields.text("name"), fields.text("title"));
    match add(visitor.caller(), name, title).await {
        Ok(()) => Ok(go(&format!("/ui/products/{}?done=product", encoded(name)))),
        Err(error) => {
            let (error, problem) = told(error)?;
            let shown = products(&visitor).await?;
            refused(&Products { name, title, problem: &problem, ..shown }, &error)
        }
    }
}

async fn add(caller: &Caller, name: &str, title: &str) -> Result<(), Error> {
    let name = Name::new(name)?;
    if caller.tenant.product(&name).await.is_ok() {
        return Err(Error::Exists { what: format!("product {name}") });
    }
    let product = Product { title: title.to_owned(), ..Product::new(name) };
    caller.tenant.put_product(caller.who(), &product).await
}

#[derive(Template)]
#[template(path = "product.html")]
pub(super) struct Shelf {
    frame: Frame,
    product: Product,
    releases: Vec<Row>,
    rollouts: Vec<Shown>,
    limits: Limits,
    problem: String,
}

/// A product with what belongs to it.
pub(super) async fn shelf(
    service: &Service,
    visitor: &Visitor,
    name: &Name,
    problem: String,
) -> Result<Shelf, Error> {
    let tenant = &visitor.caller().tenant;
    let product = tenant.product(name).await?;
    let state = service.states().get(tenant, name).await?;
    let title = match product.title.is_empty() {
        true => product.name.to_string(),
        false => product.title.clone(),
    };
    Ok(Shelf {
        frame: Frame::new(visitor, title, "/ui/products"),
        releases: super::versions::rows(&state.catalogue, name),
        rollouts: of_product(tenant, name, &state).await?,
        limits: state.limits.clone(),
        product,
        problem,
    })
}

pub(super) async fn get(
    State(service): State<Service>,
    visitor: Visitor,
    At(name): At<Name>,
    Asked(done): Asked<Done>,
) -> Result<Response, Error> {
    let shelf = shelf(&service, &visitor, &name, String::new()).await?;
    let frame = shelf.frame.done(done.done.as_deref());
    page(&Shelf { frame, ..shelf })
}

pub(super) async fn post_limits(
    State(service): State<Service>,
    visitor: Visitor,
    At(name): At<Name>,
    fields: Fields,
) -> Result<Response, Error> {
    match save_limits(visitor.caller(), &name, &fields).await {
        Ok(()) => Ok(go(&format!("/ui/products/{}?done=limits", encoded(&name)))),
        Err(error) => {
            let (error, problem) = told(error)?;
            refused(&shelf(&service, &visitor, &name, problem).await?, &error)
        }
    }
}

async fn save_limits(caller: &Caller, name: &Name, fields: &Fields) -> Result<(), Error> {
    let before = caller.tenant.limits(name).await?;
    let minutes: Option<u32> = fields.number("retry_minutes")?;
    let limits = Limits {
        failure_percent: fields.number("failure_percent")?.unwrap_or(before.failure_percent),
        after_reports: fields.number("after_reports")?.unwrap_or(before.after_reports),
        retry_seconds: minutes.map_or(before.retry_seconds, |minutes| minutes.saturating_mul(60)),
        most_failures: fields.number("most_failures")?.unwrap_or(before.most_failures),
        most_starts: fields.number("most_starts")?.unwrap_or(before.most_starts),
    };
    caller.tenant.put_limits(caller.who(), name, &limits).await
}
