//! The end of what nobody needs any more: files that no release names, patches between them, and
//! contents of the store that the database does not name.

use std::collections::{BTreeMap, BTreeSet};

use flashdelta_fleet::Digest;

use crate::contents::{Contents, Stored};
use crate::database::{column, json_column, scoped, Tenant};
use crate::devices::ActionBody;
use crate::jobs::Work;
use crate::{Error, Service};

/// What was removed of a tenant's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Cleaned {
    /// Files that no release names.
    pub(crate) files: u64,
    /// Patches from or to such files, made or not.
    pub(crate) patches: u64,
    /// Contents of the store, and their bytes.
    pub(crate) contents: u64,
    pub(crate) bytes: u64,
}

/// Removes what was last written before `moment`, in milliseconds since 1970, and is not needed.
/// What devices were offered and have not ended stays.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Store`].
pub(crate) async fn clean(
    service: &Service,
    tenant: &Tenant,
    moment: i64,
) -> Result<Cleaned, Error> {
    let found = Found::look(service, tenant, moment).await?;
    found.clean(service, tenant, moment).await
}

/// What there was when it was looked. Releases and files may come since then: nothing is removed
/// that they have.
struct Found {
    stored: Vec<Stored>,
    /// The files of all releases.
    needed: BTreeSet<Digest>,
}

/// Contents that are removed at once: who names contents waits meanwhile.
const AT_ONCE: usize = 16;

impl Found {
    async fn look(service: &Service, tenant: &Tenant, moment: i64) -> Result<Self, Error> {
        let stored = service.contents().written_before(tenant, moment).await?;
        Ok(Self { stored, needed: tenant.files_of_releases().await? })
    }

    async fn clean(
        &self,
        service: &Service,
        tenant: &Tenant,
        moment: i64,
    ) -> Result<Cleaned, Error> {
        let old: BTreeMap<Digest, &Stored> =
            self.stored.iter().map(|one| (one.digest, one)).collect();
        let is_needed = |digest: &Digest| self.needed.contains(digest);
        let mut cleaned = Cleaned::default();
        for (key, work, ended) in tenant.ended_jobs().await? {
            if !work.files().iter().all(is_needed) && ended < moment {
                cleaned.patches += tenant.forget_job(&key).await?;
            }
        }
        for file in tenant.all_files().await? {
            if let (false, Some(one)) = (is_needed(&file), old.get(&file)) {
                cleaned.files += tenant.forget_file(service.contents(), one).await?;
            }
        }
        for some in self.stored.chunks(AT_ONCE) {
            // Only now, and while nobody can name any: what is named by then stays.
            let transaction = tenant.begin_naming().await?;
            let named = tenant.named_contents().await?;
            let (number, bytes) = service.contents().remove(some, &named).await?;
            transaction.commit().await?;
            cleaned.contents += number;
            cleaned.bytes += bytes;
        }
        Ok(cleaned)
    }
}

impl Tenant {
    /// The files of all releases.
    async fn files_of_releases(&self) -> Result<BTreeSet<Digest>, Error> {
        let mut files = BTreeSet::new();
        for product in self.products().await? {
            for release in self.releases(&product.name).await? {
                files.extend(release.components.iter().map(|component| component.image));
                files.extend(release.auxiliary.iter().map(|content| content.sha256));
            }
        }
        Ok(files)
    }

    /// Key, work, and end of the jobs that nobody is at.
    async fn ended_jobs(&self) -> Result<Vec<(String, Work, i64)>, Error> {
        let rows = self.sql(scoped!(
            "SELECT key, task, ended FROM jobs \
             WHERE tenant = $1 AND state IN ('done', 'impossible', 'failed')"
        ));
        let job = |row| Ok((column(row, 0)?, json_column(row, 1)?, column(row, 2)?));
        rows.all(self).await?.iter().map(job).collect()
    }

    async fn forget_job(&self, key: &str) -> Result<u64, Error> {
        self.sql(scoped!(
            "DELETE FROM jobs WHERE tenant = $1 AND key = $2 \
             AND state IN ('done', 'impossible', 'failed')"
        ))
        .bind(key.to_owned())
        .execute(self)
        .await
    }

    async fn all_files(&self) -> Result<Vec<Digest>, Error> {
        let rows = self.sql(scoped!("SELECT sha256 FROM images WHERE tenant = $1"));
        let digest = |row| Ok(column::<String>(row, 0)?.parse()?);
        rows.all(self).await?.iter().map(digest).collect()
    }

    /// Forgets a file, unless a release has it by now, or it was uploaded again.
    async fn forget_file(&self, contents: &Contents, file: &Stored) -> Result<u64, Error> {
        let mut transaction = self.begin_naming().await?;
        if !contents.is_as_listed(file).await? {
            return Ok(0);
        }
        let forgotten = transaction
            .sql(scoped!(
                "DELETE FROM images WHERE tenant = $1 AND sha256 = $2 AND NOT EXISTS \
                 (SELECT 1 FROM releases WHERE tenant = $1 AND body LIKE $3)"
            ))
            .bind(file.digest.to_string())
            .bind(format!("%{}%", file.digest))
            .execute(&mut transaction)
            .await?;
        transaction.commit().await?;
        Ok(forgotten)
    }

    /// The contents that the database names: files, patches, and what devices are at.
    async fn named_contents(&self) -> Result<BTreeSet<Digest>, Error> {
        let mut named: BTreeSet<Digest> = self.all_files().await?.into_iter().collect();
        let rows =
            self.sql(scoped!("SELECT sha256 FROM jobs WHERE tenant = $1 AND state = 'done'"));
        for row in &rows.all(self).await? {
            named.insert(column::<String>(row, 0)?.parse()?);
        }
        let rows = self.sql(scoped!(
            "SELECT body FROM actions \
             WHERE tenant = $1 AND state IN ('offered', 'running', 'cancelling')"
        ));
        for row in &rows.all(self).await? {
            let body: ActionBody = json_column(row, 0)?;
            named.extend(body.contents.iter().map(|content| content.sha256));
        }
        Ok(named)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flashdelta_fleet::{Name, Version};

    use super::*;
    use crate::config::{Config, FIRST_TENANT};
    use crate::time::now;

    async fn service(folder: &std::path::Path) -> (Service, Tenant) {
        let service = Service::open(&Config::new(folder)).await.unwrap();
        let tenant = service.database().add_tenant(FIRST_TENANT).await.unwrap();
        (service, tenant)
    }

    const BYTES: &[u8] = &[7; 5000];

    #[tokio::test]
    async fn what_comes_while_it_is_cleaned_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (service, tenant) = service(folder.path()).await;
        let contents = service.contents();
        let bytes = Bytes::from_static(BYTES);
        let add = || tenant.add_file(contents, "me", "a.bin", bytes.clone());
        let digest = add().await.unwrap().sha256;
        let later = || now() + 1;
        // It is uploaded again.
        let found = Found::look(&service, &tenant, later()).await.unwrap();
        tokio::time::sleep(core::time::Duration::from_millis(20)).await;
        add().await.unwrap();
        assert_eq!(found.clean(&service, &tenant, later()).await.unwrap(), Cleaned::default());
        assert_eq!(contents.get(&tenant, &digest).await.unwrap(), BYTES);
        assert!(tenant.file(&digest).await.is_ok());
        // A release gets it, as it is.
        let found = Found::look(&service, &tenant, later()).await.unwrap();
        let product = Name::new("heron").unwrap();
        let body = serde_json::from_str(r#"{"name": "heron"}"#).unwrap();
        tenant.put_product("me", &body).await.unwrap();
        let release = serde_json::json!({
            "product": "heron", "version": "1.0",
            "components": [{"name": "firmware", "image": digest.to_string()}],
        });
        let release = serde_json::from_value(release).unwrap();
        tenant.put_release("me", release).await.unwrap();
        assert_eq!(found.clean(&service, &tenant, later()).await.unwrap(), Cleaned::default());
        assert_eq!(contents.get(&tenant, &digest).await.unwrap(), BYTES);
        assert!(tenant.file(&digest).await.is_ok());
        // Without it all goes.
        tenant.remove_release("me", &product, &Version::new("1.0").unwrap()).await.unwrap();
        let cleaned = clean(&service, &tenant, later()).await.unwrap();
        assert_eq!((cleaned.files, cleaned.contents), (1, 1));
    }

    /// Who has put contents that were swept away before they were named puts them once more.
    #[tokio::test]
    async fn what_is_named_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (service, tenant) = service(folder.path()).await;
        let contents = service.contents();
        let bytes = Bytes::from_static(BYTES);
        let digest = contents.put(&tenant, bytes.clone()).await.unwrap();
        assert_eq!(clean(&service, &tenant, now() + 1).await.unwrap().contents, 1);
        let transaction = contents.naming(&tenant, &digest, &bytes).await.unwrap();
        assert_eq!(contents.get(&tenant, &digest).await.unwrap(), BYTES);
        transaction.commit().await.unwrap();
    }
}
