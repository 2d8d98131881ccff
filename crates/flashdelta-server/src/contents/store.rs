//! Contents by digest, in a folder or an object store. Tenants share none: who uploads a file
//! learns nothing of whether another has it.

use core::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use flashdelta_fleet::Digest;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};

use crate::database::{Tenant, Transaction};
use crate::Error;

/// Contents by digest.
#[derive(Clone)]
pub(crate) struct Contents {
    store: Arc<dyn ObjectStore>,
    /// Where all of it is, below the store.
    prefix: Key,
}

impl Contents {
    /// Opens `file:///…`, `s3://…`, `gs://…` or `az://…`; without it the folder. What is needed to
    /// get into the store of a cloud is read from the variables that its own tools use.
    pub(crate) fn open(url: Option<&str>, folder: &Path) -> Result<Self, Error> {
        let Some(url) = url else {
            std::fs::create_dir_all(folder).map_err(Error::io(folder.display()))?;
            let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
            return Ok(Self { store: Arc::new(store), prefix: Key::default() });
        };
        let expected = "file:///…, or s3://…, gs://…, az://… of a build that has it";
        let parsed: url::Url = url.parse().map_err(|_| Error::bad("store", url, expected))?;
        let variables = std::env::vars().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let (store, prefix) = object_store::parse_url_opts(&parsed, variables)?;
        Ok(Self { store: store.into(), prefix })
    }

    /// Where all contents of a tenant are.
    pub(super) fn folder(&self, tenant: &Tenant) -> Key {
        self.prefix.clone().join(tenant.id().to_string())
    }

    pub(super) fn store(&self) -> &dyn ObjectStore {
        &*self.store
    }

    fn key(&self, tenant: &Tenant, digest: &Digest) -> Key {
        let digest = digest.to_string();
        let (front, _) = digest.split_at(2);
        self.folder(tenant).join(front).join(&*digest)
    }

    /// Keeps these bytes. What is there already stays as it is, but counts as written now: it is
    /// needed again, and must not be swept away.
    pub(crate) async fn put(&self, tenant: &Tenant, bytes: Bytes) -> Result<Digest, Error> {
        let digest = Digest::of(&bytes);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let key = self.key(tenant, &digest);
        match self.store.put_opts(&key, bytes.clone().into(), options).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => {
                self.store.put(&key, bytes.into()).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(digest)
    }

    /// A transaction to name contents in that were [put](Self::put): they are there, and nobody
    /// sweeps them away before it ends.
    pub(crate) async fn naming(
        &self,
        tenant: &Tenant,
        digest: &Digest,
        bytes: &Bytes,
    ) -> Result<Transaction, Error> {
        loop {
            let transaction = tenant.begin_naming().await?;
            match self.store.head(&self.key(tenant, digest)).await {
                Ok(_) => return Ok(transaction),
                // They were not new, or nothing is kept for long: and nobody has named them yet.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            drop(transaction);
            self.put(tenant, bytes.clone()).await?;
        }
    }

    /// All bytes, checked.
    pub(crate) async fn get(&self, tenant: &Tenant, digest: &Digest) -> Result<Bytes, Error> {
        let key = self.key(tenant, digest);
        let bytes = self.store.get(&key).await?.bytes().await?;
        match Digest::of(&bytes) == *digest {
            true => Ok(bytes),
            false => Err(Error::Damaged { path: key.to_string() }),
        }
    }

    /// Some of the bytes, as they come.
    pub(crate) async fn stream(
        &self,
        tenant: &Tenant,
        digest: &Digest,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, object_store::Error>>, Error> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store.get_opts(&self.key(tenant, digest), options).await?;
        Ok(found.into_stream())
    }
}
