//! Products, their rules and limits.

use axum::Json;
use flashdelta_fleet::catalogue::Product;
use flashdelta_fleet::rules::Rules;
use flashdelta_fleet::Name;

use super::super::access::By;
use super::super::body::{At, Body};
use crate::catalogue::Limits;
use crate::Error;

pub(super) async fn list(By(by): By) -> Result<Json<Vec<Product>>, Error> {
    by.tenant.products().await.map(Json)
}

pub(super) async fn get(By(by): By, At(product): At<String>) -> Result<Json<Product>, Error> {
    by.tenant.product(&product).await.map(Json)
}

pub(super) async fn put(
    By(by): By,
    At(name): At<Name>,
    Body(product): Body<Product>,
) -> Result<Json<Product>, Error> {
    if product.name != name {
        return Err(Error::bad("name", product.name.as_str(), name.as_str()));
    }
    by.tenant.put_product(by.who(), &product).await?;
    Ok(Json(product))
}

pub(super) async fn rules(By(by): By, At(product): At<String>) -> Result<Json<Rules>, Error> {
    by.tenant.rules(&product).await.map(Json)
}

pub(super) async fn put_rules(
    By(by): By,
    At(product): At<Name>,
    Body(rules): Body<Rules>,
) -> Result<Json<Rules>, Error> {
    by.tenant.put_rules(by.who(), &product, &rules).await?;
    Ok(Json(rules))
}

pub(super) async fn limits(By(by): By, At(product): At<String>) -> Result<Json<Limits>, Error> {
    by.tenant.limits(&product).await.map(Json)
}

pub(super) async fn put_limits(
    By(by): By,
    At(product): At<String>,
    Body(limits): Body<Limits>,
) -> Result<Json<Limits>, Error> {
    by.tenant.put_limits(by.who(), &product, &limits).await?;
    Ok(Json(limits))
}
