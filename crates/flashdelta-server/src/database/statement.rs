//! A statement, and what it runs on.

use core::ops::DerefMut;

use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, Encode, Row, Type};

use crate::Error;

/// A statement with its arguments.
pub(crate) struct Statement(Query<'static, Any, AnyArguments>);

/// What statements run on: a database, or a transaction.
pub(crate) trait Target {
    /// A connection.
    async fn connection(&mut self) -> Result<impl DerefMut<Target = AnyConnection>, Error>;
}

impl Target for &sqlx::AnyPool {
    async fn connection(&mut self) -> Result<impl DerefMut<Target = AnyConnection>, Error> {
        Ok::<PoolConnection<Any>, _>(self.acquire().await?)
    }
}

impl Statement {
    pub(super) fn new(sql: &'static str) -> Self {
        Self(sqlx::query(sql))
    }

    /// With the next argument.
    pub(crate) fn bind<T>(self, value: T) -> Self
    where
        T: Encode<'static, Any> + Type<Any> + 'static,
    {
        Self(self.0.bind(value))
    }

    /// Runs it; gives the number of rows that it changed.
    pub(crate) async fn execute(self, mut on: impl Target) -> Result<u64, Error> {
        let mut connection = on.connection().await?;
        Ok(self.0.execute(&mut *connection).await?.rows_affected())
    }

    /// All rows.
    pub(crate) async fn all(self, mut on: impl Target) -> Result<Vec<AnyRow>, Error> {
        let mut connection = on.connection().await?;
        Ok(self.0.fetch_all(&mut *connection).await?)
    }

    /// The first row, if there is one.
    pub(crate) async fn optional(self, mut on: impl Target) -> Result<Option<AnyRow>, Error> {
        let mut connection = on.connection().await?;
        Ok(self.0.fetch_optional(&mut *connection).await?)
    }

    /// The one row.
    pub(crate) async fn one(self, mut on: impl Target) -> Result<AnyRow, Error> {
        let mut connection = on.connection().await?;
        Ok(self.0.fetch_one(&mut *connection).await?)
    }
}

/// A column of a row.
pub(crate) fn column<'r, T>(row: &'r AnyRow, at: usize) -> Result<T, Error>
where
    T: sqlx::Decode<'r, Any> + Type<Any>,
{
    Ok(row.try_get(at)?)
}

/// A column that is JSON.
pub(crate) fn json_column<T: DeserializeOwned>(row: &AnyRow, at: usize) -> Result<T, Error> {
    let text: String = column(row, at)?;
    serde_json::from_str(&text).map_err(Error::Json)
}
