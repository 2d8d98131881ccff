//! Releases.

use bytes::Bytes;
use flashdelta_fleet::catalogue::{Component, HardwareRange, Image, Release};
use flashdelta_fleet::{Name, Version};
use serde::{Deserialize, Serialize};

use super::products::json;
use super::state::catalogue;
use crate::contents::Contents;
use crate::database::{json_column, scoped, Tenant};
use crate::time::now;
use crate::Error;

/// A release with what is known of its files, so that one query has all that is planned with.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) release: Release,
    pub(super) images: Vec<Image>,
}

/// What is said of a release that is one file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRelease {
    pub(crate) version: Version,
    /// What the file is called.
    pub(crate) name: String,
    #[serde(default = "application")]
    pub(crate) component: Name,
    pub(crate) hardware_first: Option<u16>,
    pub(crate) hardware_last: Option<u16>,
    #[serde(default)]
    pub(crate) security_counter: u32,
    #[serde(default)]
    pub(crate) notes: String,
}

pub(crate) fn application() -> Name {
    // Possible always: the tests of names have it.
    Name::new("application").unwrap_or_else(|_| unreachable!())
}

impl Tenant {
    /// Keeps a file, and enters a release that is made of it.
    pub(crate) async fn add_release(
        &self,
        contents: &Contents,
        who: &str,
        product: Name,
        new: NewRelease,
        bytes: Bytes,
    ) -> Result<Release, Error> {
        self.product(&product).await?;
        let image = self.add_file(contents, who, &new.name, bytes).await?;
        let hardware = match (new.hardware_first, new.hardware_last) {
            (None, None) => None,
            (first, last) => {
                Some(HardwareRange { first: first.unwrap_or(0), last: last.unwrap_or(u16::MAX) })
            }
        };
        let release = Release {
            hardware,
            security_counter: new.security_counter,
            notes: new.notes,
            ..Release::new(product, new.version)
                .component(Component::new(new.component, image.sha256))
        };
        self.put_release(who, release.clone()).await?;
        Ok(release)
    }

    /// The releases of a product, in the order in which they were entered.
    pub(crate) async fn releases(&self, product: &Name) -> Result<Vec<Release>, Error> {
        let stored = self.stored_releases(product).await?;
        Ok(stored.into_iter().map(|stored| stored.release).collect())
    }

    /// Removes a release that no rule names. Its files stay until they are cleaned up.
    ///
    /// # Errors
    ///
    /// [`Error::Rule`], if a rule names it; [`Error::Catalogue`], if there is none.
    pub(crate) async fn remove_release(
        &self,
        who: &str,
        product: &Name,
        version: &Version,
    ) -> Result<(), Error> {
        let mut left = catalogue(self, product).await?;
        left.remove_release(product, version)?;
        let mut transaction = self.begin().await?;
        // While nobody else changes the rules.
        transaction.rules_to_change(product).await?.check(&left)?;
        transaction
            .sql(scoped!(
                "DELETE FROM releases WHERE tenant = $1 AND product = $2 AND version = $3"
            ))
            .bind(product.to_string())
            .bind(version.to_string())
            .execute(&mut transaction)
            .await?;
        transaction.note(who, "release removed", product, version.as_str()).await?;
        transaction.commit().await
    }

    /// Whether there is a release of any product.
    pub(crate) async fn has_releases(&self) -> Result<bool, Error> {
        let found = self.sql(scoped!("SELECT version FROM releases WHERE tenant = $1 LIMIT 1"));
        Ok(found.optional(self).await?.is_some())
    }

    pub(super) async fn stored_releases(&self, product: &Name) -> Result<Vec<Stored>, Error> {
        let rows = self.sql(scoped!(
            "SELECT body FROM releases WHERE tenant = $1 AND product = $2 \
             ORDER BY created, version"
        ));
        let rows = rows.bind(product.to_string()).all(self).await?;
        rows.iter().map(|row| json_column(row, 0)).collect()
    }

    /// Enters a release, whose files are there; or changes what is not of its components.
    pub(crate) async fn put_release(&self, who: &str, release: Release) -> Result<(), Error> {
        release.check()?;
        let mut images = Vec::new();
        for component in &release.components {
            images.push(self.file(&component.image).await?.image);
        }
        for content in &release.auxiliary {
            self.file(&content.sha256).await?;
        }
        let mut known = catalogue(self, &release.product).await?;
        images.iter().try_for_each(|image| known.add_image(image.clone()))?;
        known.add_release(release.clone())?;
        let (product, version) = (release.product.to_string(), release.version.to_string());
        let mut transaction = self.begin_naming().await?;
        let others = release.auxiliary.iter().map(|content| content.sha256);
        let files = release.components.iter().map(|component| component.image).chain(others);
        for sha256 in files.collect::<Vec<_>>() {
            // It may have been cleaned up since it was looked for.
            transaction.has_file(&sha256).await?;
        }
        transaction
            .sql(scoped!(
                "INSERT INTO releases (tenant, product, version, body, created) \
                 VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (tenant, product, version) DO UPDATE SET body = excluded.body"
            ))
            .bind(product.clone())
            .bind(version.clone())
            .bind(json(&Stored { release, images })?)
            .bind(now())
            .execute(&mut transaction)
            .await?;
        transaction
            .sql(scoped!(
                "UPDATE products SET revision = revision + 1 WHERE tenant = $1 AND name = $2"
            ))
            .bind(product.clone())
            .execute(&mut transaction)
            .await?;
        transaction.note(who, "release", &product, &version).await?;
        transaction.commit().await
    }
}
