//! Forms.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::RequestExt as _;
use bytes::Bytes;

use super::visitor::Visitor;
use crate::Error;

/// The fields of a form that a page of this session has sent.
pub(super) struct Fields(BTreeMap<String, String>);

/// The fields of a form of somebody who is not signed in.
pub(super) struct Open(pub(super) Fields);

/// The longest form, in bytes.
const LONGEST: usize = 256 << 10;

impl Fields {
    pub(super) fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// What a field says, without spaces around it; of one that is not there nothing.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    /// What a field says, as it is.
    pub(super) fn raw(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// Whether a box is ticked.
    pub(super) fn is_on(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// A number; of a field that is empty `None`.
    pub(super) fn number<T: core::str::FromStr>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Error> {
        match self.text(name) {
            "" => Ok(None),
            text => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(Error::bad(name, text, "a number that is possible there")),
            },
        }
    }

    async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Self, Error> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|error| Error::bad("form", error.body_text(), "less of it"))?;
        if bytes.len() > LONGEST {
            return Err(Error::bad("form", format!("{} bytes", bytes.len()), "less of it"));
        }
        let pairs = url::form_urlencoded::parse(&bytes);
        Ok(Self::of(pairs.map(|(name, value)| (name.into_owned(), value.into_owned()))))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Error;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Error> {
        let visitor = request.extract_parts::<Visitor>().await?;
        let fields = Self::read(request, state).await?;
        visitor.check_form(fields.text("csrf"))?;
        Ok(fields)
    }
}

impl<S: Send + Sync> FromRequest<S> for Open {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        Fields::read(request, state).await.map(Self)
    }
}
