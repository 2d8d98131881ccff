//! Products, with their rules.

use flashdelta_fleet::catalogue::Product;
use flashdelta_fleet::rules::Rules;
use flashdelta_fleet::Name;

use super::state::{catalogue, unknown};
use super::Limits;
use crate::database::{json_column, scoped, Tenant, Transaction};
use crate::Error;

/// Text of JSON. What is in the catalogue always can be written.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::Json)
}

impl Tenant {
    /// All products.
    pub(crate) async fn products(&self) -> Result<Vec<Product>, Error> {
        let rows = self.sql(scoped!("SELECT body FROM products WHERE tenant = $1 ORDER BY name"));
        rows.all(self).await?.iter().map(|row| json_column(row, 0)).collect()
    }

    /// A product.
    pub(crate) async fn product(&self, name: &str) -> Result<Product, Error> {
        let row = self.sql(scoped!("SELECT body FROM products WHERE tenant = $1 AND name = $2"));
        let row = row.bind(name.to_owned()).optional(self).await?;
        json_column(&row.ok_or_else(|| unknown(name))?, 0)
    }

    /// Enters a product, or changes it.
    pub(crate) async fn put_product(&self, who: &str, product: &Product) -> Result<(), Error> {
        product.check()?;
        let mut transaction = self.begin().await?;
        let none = json(&Rules::new(product.name.clone()))?;
        transaction
            .sql(scoped!(
                "INSERT INTO products (tenant, name, body, rules, limits, revision, made) \
                 VALUES ($1, $2, $3, $4, $5, 1, 0) ON CONFLICT (tenant, name) \
                 DO UPDATE SET body = excluded.body, revision = products.revision + 1"
            ))
            .bind(product.name.to_string())
            .bind(json(product)?)
            .bind(none)
            .bind(json(&Limits::default())?)
            .execute(&mut transaction)
            .await?;
        transaction.note(who, "product", &product.name, "").await?;
        transaction.commit().await
    }

    /// The rules of a product.
    pub(crate) async fn rules(&self, product: &str) -> Result<Rules, Error> {
        let row = self.sql(scoped!("SELECT rules FROM products WHERE tenant = $1 AND name = $2"));
        let row = row.bind(product.to_owned()).optional(self).await?;
        json_column(&row.ok_or_else(|| unknown(product))?, 0)
    }

    /// Saves the rules of a product, if they are possible. Roll-outs that rules had stopped count
    /// anew.
    pub(crate) async fn put_rules(
        &self,
        who: &str,
        product: &Name,
        rules: &Rules,
    ) -> Result<(), Error> {
        if rules.product != *product {
            return Err(Error::bad("product", rules.product.as_str(), product.as_str()));
        }
        rules.check(&catalogue(self, product).await?)?;
        let mut transaction = self.begin().await?;
        transaction.set_rules(product, rules).await?;
        transaction.count_anew(product, rules).await?;
        transaction.note(who, "rules", product, &json(rules)?).await?;
        transaction.commit().await
    }

    /// The limits of a product's roll-outs.
    pub(crate) async fn limits(&self, product: &str) -> Result<Limits, Error> {
        let row = self.sql(scoped!("SELECT limits FROM products WHERE tenant = $1 AND name = $2"));
        let row = row.bind(product.to_owned()).optional(self).await?;
        json_column(&row.ok_or_else(|| unknown(product))?, 0)
    }

    /// Saves the limits of a product's roll-outs.
    pub(crate) async fn put_limits(
        &self,
        who: &str,
        product: &str,
        limits: &Limits,
    ) -> Result<(), Error> {
        limits.check()?;
        let mut transaction = self.begin().await?;
        let changed = transaction
            .sql(scoped!(
                "UPDATE products SET limits = $3, revision = revision + 1 \
                 WHERE tenant = $1 AND name = $2"
            ))
            .bind(product.to_owned())
            .bind(json(limits)?)
            .execute(&mut transaction)
            .await?;
        if changed == 0 {
            return Err(unknown(product));
        }
        transaction.note(who, "limits", product, &json(limits)?).await?;
        transaction.commit().await
    }
}

impl Transaction {
    /// The rules of a product, which nobody else changes until the transaction ends.
    pub(crate) async fn rules_to_change(&mut self, product: &Name) -> Result<Rules, Error> {
        // A write takes the lock, in both databases.
        let row = self
            .sql(scoped!(
                "UPDATE products SET revision = revision + 1 \
                 WHERE tenant = $1 AND name = $2 RETURNING rules"
            ))
            .bind(product.to_string())
            .optional(&mut *self)
            .await?;
        json_column(&row.ok_or_else(|| unknown(product))?, 0)
    }

    /// Roll-outs that rules had stopped, and that go on, count anew.
    pub(super) async fn count_anew(&mut self, product: &Name, rules: &Rules) -> Result<(), Error> {
        for rule in rules.assignments.iter().filter(|rule| !rule.paused) {
            self.sql(scoped!(
                "DELETE FROM rollouts WHERE tenant = $1 AND product = $2 AND rule = $3 \
                 AND stopped_at > 0"
            ))
            .bind(product.to_string())
            .bind(rule.id.to_string())
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }

    /// Replaces the rules of a product.
    pub(crate) async fn set_rules(&mut self, product: &Name, rules: &Rules) -> Result<(), Error> {
        let changed = self
            .sql(scoped!(
                "UPDATE products SET rules = $3, revision = revision + 1 \
                 WHERE tenant = $1 AND name = $2"
            ))
            .bind(product.to_string())
            .bind(json(rules)?)
            .execute(&mut *self)
            .await?;
        if changed == 0 {
            Err(unknown(product))
        } else {
            Ok(())
        }
    }
}
