//! Secrets of tokens.

use core::fmt;

use sha2::{Digest as _, Sha256};

use super::TokenKind;
use crate::hex::hex;
use crate::Error;

/// The text of a token. `Debug` does not show it.
pub struct Secret(String);

impl Secret {
    /// A new one.
    pub(super) fn generate(kind: TokenKind) -> Result<Self, Error> {
        Ok(Self(format!("{}{}", kind.prefix(), hex(&random::<32>()?))))
    }

    /// That of a session.
    pub(super) fn of_session() -> Result<Self, Error> {
        Ok(Self(hex(&random::<32>()?)))
    }

    /// To be shown to whoever asked for it, once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Random bytes, from the system. There is nothing to fall back to: without them nothing is made.
///
/// # Errors
///
/// [`Error::Io`].
pub(crate) fn random<const LEN: usize>() -> Result<[u8; LEN], Error> {
    let mut bytes = [0; LEN];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::io("random numbers")(std::io::Error::other(error)))?;
    Ok(bytes)
}

/// What the database has of a token or session: SHA-256 of its text.
///
/// It is looked up by this; how long a look-up takes tells of the hash alone, which is no help in
/// guessing the token.
pub(super) fn hash(token: &str) -> String {
    hex(&Sha256::digest(token))
}
