//! What is in the store, and the end of what nobody names any more.

use std::collections::BTreeSet;

use flashdelta_fleet::Digest;
use futures_util::TryStreamExt as _;
use object_store::{ObjectMeta, ObjectStoreExt as _};

use super::Contents;
use crate::database::Tenant;
use crate::Error;

/// Contents that are in the store.
pub(crate) struct Stored {
    pub(crate) digest: Digest,
    /// Bytes.
    pub(crate) size: u64,
    meta: ObjectMeta,
}

impl Contents {
    /// All contents of a tenant that were last written before this moment, in milliseconds since
    /// 1970. What has another name than a digest is passed over.
    pub(crate) async fn written_before(
        &self,
        tenant: &Tenant,
        moment: i64,
    ) -> Result<Vec<Stored>, Error> {
        let prefix = self.folder(tenant);
        let all: Vec<ObjectMeta> = self.store().list(Some(&prefix)).try_collect().await?;
        let old = all.into_iter().filter(|meta| meta.last_modified.timestamp_millis() < moment);
        let stored = old.filter_map(|meta| {
            let digest = meta.location.filename()?.parse().ok()?;
            Some(Stored { digest, size: meta.size, meta })
        });
        Ok(stored.collect())
    }

    /// Whether it has not been written again since it was listed.
    pub(crate) async fn is_as_listed(&self, one: &Stored) -> Result<bool, Error> {
        match self.store().head(&one.meta.location).await {
            Ok(now) => Ok(now.last_modified == one.meta.last_modified),
            // Somebody else has cleaned up, too.
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes these, but what is named, and what was written again since it was listed. Gives the
    /// number and the bytes of what is gone. Nobody may name any of them meanwhile.
    pub(crate) async fn remove(
        &self,
        stored: &[Stored],
        named: &BTreeSet<Digest>,
    ) -> Result<(u64, u64), Error> {
        let (mut number, mut bytes) = (0, 0);
        for one in stored.iter().filter(|one| !named.contains(&one.digest)) {
            if !self.is_as_listed(one).await? {
                continue;
            }
            self.store().delete(&one.meta.location).await?;
            number += 1;
            bytes += one.size;
        }
        Ok((number, bytes))
    }
}
