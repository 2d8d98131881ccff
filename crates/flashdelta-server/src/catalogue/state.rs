//! All that plans for a product's devices are made with, kept in memory until it changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use flashdelta_fleet::catalogue::{Catalogue, Product};
use flashdelta_fleet::planner::KnownCosts;
use flashdelta_fleet::rules::Rules;
use flashdelta_fleet::Name;

use super::Limits;
use crate::database::{column, json_column, scoped, Tenant};
use crate::Error;

pub(super) fn unknown(product: &str) -> Error {
    Error::NotFound { what: format!("product {product}") }
}

/// All that plans for a product's devices are made with.
#[derive(Clone)]
pub(crate) struct ProductState {
    revision: i64,
    made: i64,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) limits: Limits,
    pub(crate) costs: Arc<KnownCosts>,
}

/// The products that were asked for.
#[derive(Default)]
pub(crate) struct States(Mutex<HashMap<(i64, String), ProductState>>);

/// The most products that are kept in memory.
const MOST: usize = 4096;

impl ProductState {
    /// Reads it.
    async fn load(tenant: &Tenant, name: &Name) -> Result<Self, Error> {
        // The counts first: what is read after them is at least as new.
        let row = tenant.sql(scoped!(
            "SELECT revision, made, body, rules, limits FROM products \
             WHERE tenant = $1 AND name = $2"
        ));
        let row = row.bind(name.to_string()).optional(tenant).await?;
        let row = row.ok_or_else(|| unknown(name))?;
        let product: Product = json_column(&row, 2)?;
        Ok(Self {
            revision: column(&row, 0)?,
            made: column(&row, 1)?,
            catalogue: Arc::new(of_product(tenant, product).await?),
            rules: Arc::new(json_column(&row, 3)?),
            limits: json_column(&row, 4)?,
            costs: Arc::new(costs(tenant, name).await?),
        })
    }
}

/// A product with its releases, as it is in the database now.
pub(super) async fn catalogue(tenant: &Tenant, name: &Name) -> Result<Catalogue, Error> {
    of_product(tenant, tenant.product(name).await?).await
}

async fn of_product(tenant: &Tenant, product: Product) -> Result<Catalogue, Error> {
    let (mut catalogue, name) = (Catalogue::new(), product.name.clone());
    catalogue.add_product(product)?;
    for stored in tenant.stored_releases(&name).await? {
        stored.images.into_iter().try_for_each(|image| catalogue.add_image(image))?;
        catalogue.add_release(stored.release)?;
    }
    Ok(catalogue)
}

/// Sizes of patches that were made, and those that cannot be.
async fn costs(tenant: &Tenant, product: &Name) -> Result<KnownCosts, Error> {
    let rows = tenant.sql(scoped!(
        "SELECT old, new, applier, state, size FROM jobs \
         WHERE tenant = $1 AND product = $2 AND applier <> '' \
         AND state IN ('done', 'impossible', 'failed')"
    ));
    let mut costs = KnownCosts::new();
    for row in rows.bind(product.to_string()).all(tenant).await? {
        let old: String = column(&row, 0)?;
        let old = if old.is_empty() { None } else { Some(old.parse()?) };
        let size: i64 = column(&row, 4)?;
        let bytes = (column::<String>(&row, 3)? == "done").then_some(size.unsigned_abs());
        costs.note(old, column::<String>(&row, 1)?.parse()?, column(&row, 2)?, bytes);
    }
    Ok(costs)
}

impl States {
    /// A product as it is now.
    pub(crate) async fn get(&self, tenant: &Tenant, name: &Name) -> Result<ProductState, Error> {
        let row = tenant
            .sql(scoped!("SELECT revision, made FROM products WHERE tenant = $1 AND name = $2"))
            .bind(name.to_string())
            .optional(tenant)
            .await?
            .ok_or_else(|| unknown(name))?;
        let (revision, made): (i64, i64) = (column(&row, 0)?, column(&row, 1)?);
        let key = (tenant.id(), name.to_string());
        let known = self.lock().get(&key).cloned();
        let state = match known {
            Some(known) if (known.revision, known.made) == (revision, made) => return Ok(known),
            Some(known) if known.revision == revision => {
                ProductState { made, costs: Arc::new(costs(tenant, name).await?), ..known }
            }
            _ => ProductState::load(tenant, name).await?,
        };
        let mut states = self.lock();
        if states.len() >= MOST {
            states.clear();
        }
        states.insert(key, state.clone());
        Ok(state)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(i64, String), ProductState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
