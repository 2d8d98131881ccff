//! Who asks, by token, by session, by pre-shared key or by certificate.
//!
//! A token is 32 random bytes after a prefix that says what it is for. The database has its
//! SHA-256 alone: whoever reads the database cannot use it. (A slow hash is for passwords, which
//! can be guessed; 256 random bits cannot.) A pre-shared key of DTLS is in the database as it is:
//! the server needs the key itself.
//!
//! Operators who use the pages have a name and a password, of which the database has Argon2id, and
//! a session for a while: 32 random bytes in a cookie, of which the database has SHA-256, too.

mod caller;
mod certificates;
mod operators;
mod password;
mod psk;
mod secret;
mod sessions;
mod tokens;

pub use caller::{Caller, Role, TokenKind};
pub use operators::OperatorEntry;
pub use password::Password;
pub use psk::{NewPsk, Psk};
pub(crate) use secret::random;
pub use secret::Secret;
pub(crate) use sessions::{csrf_of, Session};
pub use tokens::{NewToken, TokenEntry};
