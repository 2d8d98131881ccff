//! The end of what nobody needs any more: files that no release names, patches between them, and
//! contents of the store that the database does not name.

use std::collections::BTreeSet;

use flashdelta_fleet::release::Task;
use flashdelta_fleet::Digest;

use crate::database::{column, json_column, scoped, Tenant};
use crate::devices::ActionBody;
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
    let stored = service.contents().written_before(tenant, moment).await?;
    let old: BTreeSet<Digest> = stored.iter().map(|one| one.digest).collect();
    let needed = tenant.files_of_releases().await?;
    let is_needed = |digest: &Digest| needed.contains(digest);
    let mut cleaned = Cleaned::default();
    for (key, task, ended) in tenant.ended_jobs().await? {
        let is_of = [task.old, Some(task.new)].into_iter().flatten().all(|of| is_needed(&of));
        if !is_of && ended < moment {
            cleaned.patches += tenant.forget_job(&key).await?;
        }
    }
    for file in tenant.all_files().await? {
        if !is_needed(&file) && old.contains(&file) {
            cleaned.files += tenant.forget_file(&file).await?;
        }
    }
    // Only now: what is named by then stays.
    let named = tenant.named_contents().await?;
    (cleaned.contents, cleaned.bytes) = service.contents().remove(&stored, &named).await?;
    Ok(cleaned)
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

    /// Key, task, and end of the jobs that nobody is at.
    async fn ended_jobs(&self) -> Result<Vec<(String, Task, i64)>, Error> {
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

    async fn forget_file(&self, sha256: &Digest) -> Result<u64, Error> {
        self.sql(scoped!("DELETE FROM images WHERE tenant = $1 AND sha256 = $2"))
            .bind(sha256.to_string())
            .execute(self)
            .await
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
