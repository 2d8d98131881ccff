//! Who asks, by token.
//!
//! A token is 32 random bytes behind a prefix that says what it is for. The database has its
//! SHA-256 alone: whoever reads the database cannot use it. (A slow hash is for passwords, which
//! can be guessed; 256 random bits cannot.)

mod caller;
mod secret;
mod tokens;

pub use caller::{Caller, Role, TokenKind};
pub use secret::Secret;
pub use tokens::{NewToken, TokenEntry};
