//! Who is signed in.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::auth::{csrf_of, Caller};
use crate::Error;

/// Who is signed in, for handlers.
#[derive(Clone)]
pub(super) struct Visitor(Arc<Signed>);

struct Signed {
    caller: Caller,
    secret: String,
    csrf: String,
}

/// A form that no page of this session has sent.
const STALE: &str = "a form of a page that is open since you signed in: open it again";

impl Visitor {
    /// `secret`: what the cookie has.
    pub(super) fn new(caller: Caller, secret: &str) -> Self {
        let (secret, csrf) = (secret.to_owned(), csrf_of(secret));
        Self(Arc::new(Signed { caller, secret, csrf }))
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.0.caller
    }

    /// What the cookie has.
    pub(super) fn secret(&self) -> &str {
        &self.0.secret
    }

    /// What forms have to say.
    pub(super) fn csrf(&self) -> &str {
        &self.0.csrf
    }

    /// Checks what a form said. The time that it takes does not tell how much of it is right.
    pub(super) fn check_form(&self, said: &str) -> Result<(), Error> {
        let pairs = said.bytes().zip(self.csrf().bytes());
        let differing = pairs.fold(0, |differing, (a, b)| differing | (a ^ b));
        match differing == 0 && said.len() == self.csrf().len() {
            true => Ok(()),
            false => Err(Error::Forbidden { needs: STALE }),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or(Error::Unauthorized)
    }
}
