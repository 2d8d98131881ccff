//! Passwords of operators.

use core::fmt;
use std::sync::LazyLock;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use super::secret::random;
use crate::Error;

/// A password, 12 to 256 bytes. `Debug` does not show it.
#[derive(Clone)]
pub struct Password(String);

/// The shortest, in characters.
const SHORTEST: usize = 12;

/// The longest, in bytes: hashing a longer one would be work for strangers to give.
const LONGEST: usize = 256;

/// Passwords that are hashed at the same time. Each takes 19 MiB, as Argon2id is set by default.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// That of an operator whom there is not: a guess takes as long as for one that there is.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let salt = [0; 16];
    let hash = Argon2::default().hash_password_with_salt(b"nobody has this one", &salt);
    hash.map(|hash| hash.to_string()).unwrap_or_default()
});

impl Password {
    /// A new one that somebody has chosen.
    ///
    /// # Errors
    ///
    /// [`Error::Bad`], if it is too short or too long.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        match text.chars().count() >= SHORTEST && text.len() <= LONGEST {
            true => Ok(Self(text)),
            // What was found is not told: it would be in logs.
            false => Err(Error::bad("password", "another length", "12 to 256 characters")),
        }
    }

    /// A random one of 20 letters and digits, which has 100 bits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], without random numbers.
    pub fn generate() -> Result<Self, Error> {
        // Without those that look alike.
        const LETTERS: [u8; 32] = *b"abcdefghijkmnpqrstuvwxyz23456789";
        let bytes = random::<20>()?;
        let letters = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
        Ok(Self(letters.collect()))
    }

    /// To be shown to whoever it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the database has of it.
    pub(super) async fn hash(self) -> Result<String, Error> {
        run(move || {
            let hash = Argon2::default().hash_password(self.0.as_bytes());
            hash.map(|hash| hash.to_string())
        })
        .await?
        .map_err(failed)
    }
}

/// Whether a password is that of which the database has this; `None`: there is no such operator.
pub(super) async fn is_right(hash: Option<String>, password: String) -> Result<bool, Error> {
    let is_somebody = hash.is_some();
    if password.len() > LONGEST {
        return Ok(false);
    }
    let is_that = run(move || {
        let hash = hash.unwrap_or_else(|| NOBODY.clone());
        Argon2::default().verify_password(password.as_bytes(), &*hash).is_ok()
    });
    Ok(is_that.await? && is_somebody)
}

/// Runs this when there is room for it, beside all other work.
async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let _room = AT_ONCE.acquire().await.map_err(failed)?;
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

fn failed(error: impl fmt::Display) -> Error {
    Error::io("hashing a password")(std::io::Error::other(error.to_string()))
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_are_hashed_with_salt_and_found_right() {
        let password = Password::new("correct horse battery").unwrap();
        let (one, other) = (password.clone().hash().await, password.clone().hash().await);
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != other, "{one}");
        for hash in [one.clone(), other] {
            assert!(is_right(Some(hash), password.reveal().to_owned()).await.unwrap());
        }
        assert!(!is_right(Some(one), "correct horse batterz".into()).await.unwrap());
        assert!(!is_right(None, "nobody has this one".into()).await.unwrap());
        assert!(!is_right(Some("no hash".into()), "correct horse battery".into()).await.unwrap());
    }

    #[test]
    fn short_ones_are_refused_and_none_is_told() {
        for wrong in [&*"x".repeat(11), "", &"x".repeat(257)] {
            let error = Password::new(wrong).unwrap_err();
            assert!(wrong.is_empty() || !error.to_string().contains(wrong));
        }
        assert!(Password::new("x".repeat(12)).is_ok() && Password::new("ü".repeat(12)).is_ok());
        let [one, other] = [(); 2].map(|()| Password::generate().unwrap());
        assert!(one.reveal().len() == 20 && one.reveal() != other.reveal());
        assert_eq!(format!("{one:?}"), "Password(..)");
    }
}
