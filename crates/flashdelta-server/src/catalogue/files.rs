//! Files that were uploaded.

use bytes::Bytes;
use flashdelta::Input;
use flashdelta_fleet::catalogue::Image;
use flashdelta_fleet::Digest;

use crate::contents::{Contents, Hashes};
use crate::database::{column, json_column, scoped, Tenant, Transaction};
use crate::Error;

use super::products::json;

/// A file that was uploaded.
pub(crate) struct StoredFile {
    pub(crate) image: Image,
    /// What it is called.
    pub(crate) name: String,
    pub(crate) hashes: Hashes,
}

impl Tenant {
    /// Keeps a file, and what can be told of it. `name`: what it is called; the format of some is
    /// told by its ending.
    pub(crate) async fn add_file(
        &self,
        contents: &Contents,
        who: &str,
        name: &str,
        bytes: Bytes,
    ) -> Result<Image, Error> {
        if name.is_empty() || name.len() > 256 || name.contains(['/', '\\', '\0']) {
            return Err(Error::bad("name", name, "the name of a file, of at most 256 bytes"));
        }
        let (read, of) = (bytes.clone(), name.to_owned());
        // Reading takes a while for large files.
        let image = tokio::task::spawn_blocking(move || {
            let input = Input::from_bytes(&*read).named(of);
            let image = Image::of(&input).map_err(|error| Error::Firmware(error.to_string()))?;
            Ok::<_, Error>((image, Hashes::of(&read)))
        });
        let (image, hashes) = image.await.map_err(|error| Error::Firmware(error.to_string()))??;
        image.check()?;
        // The bytes first: what the database names is there.
        contents.put(self, bytes.clone()).await?;
        let mut transaction = contents.naming(self, &image.sha256, &bytes).await?;
        let added = transaction
            .sql(scoped!(
                "INSERT INTO images (tenant, sha256, file_name, body, hashes) \
                 VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (tenant, sha256) DO NOTHING"
            ))
            .bind(image.sha256.to_string())
            .bind(name.to_owned())
            .bind(json(&image)?)
            .bind(json(&hashes)?)
            .execute(&mut transaction)
            .await?;
        if added != 0 {
            transaction.note(who, "file", &image.sha256.to_string(), name).await?;
        }
        transaction.commit().await?;
        Ok(image)
    }

    /// A file that was uploaded.
    pub(crate) async fn file(&self, sha256: &Digest) -> Result<StoredFile, Error> {
        let row = self.sql(scoped!(
            "SELECT body, file_name, hashes FROM images WHERE tenant = $1 AND sha256 = $2"
        ));
        match row.bind(sha256.to_string()).optional(self).await? {
            Some(row) => Ok(StoredFile {
                image: json_column(&row, 0)?,
                name: column(&row, 1)?,
                hashes: json_column(&row, 2)?,
            }),
            None => Err(Error::NotFound { what: format!("file {sha256}") }),
        }
    }
}

impl Transaction {
    /// That there is such a file.
    pub(super) async fn has_file(&mut self, sha256: &Digest) -> Result<(), Error> {
        let row = self.sql(scoped!("SELECT 1 FROM images WHERE tenant = $1 AND sha256 = $2"));
        match row.bind(sha256.to_string()).optional(&mut *self).await? {
            Some(_) => Ok(()),
            None => Err(Error::NotFound { what: format!("file {sha256}") }),
        }
    }
}
