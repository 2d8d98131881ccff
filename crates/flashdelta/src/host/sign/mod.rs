//! Signing patches: after they were made, where the key is, as often as there are keys.
//!
//! ```
//! use flashdelta::verify::Algorithm;
//! use flashdelta::{apply, diff, sign, DiffOptions};
//!
//! let (old, new) = (b"the firmware, 1.0".repeat(20), b"the firmware, 1.1".repeat(20));
//! let patch = diff::diff(&old, &new, &DiffOptions::new())?.bytes;
//!
//! let key = sign::PrivateKey::generate(Algorithm::Ed25519)?;
//! let signed = sign::sign(&patch, &key)?;
//!
//! let mut trusted = sign::TrustedKeys::from(key.public());
//! sign::authenticate(&signed, Some(&mut trusted))?;
//! assert_eq!(sign::authenticate(&patch, Some(&mut trusted)).unwrap_err().code(), "unsigned");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where the key cannot be read, a patch says what is to be signed ([`message`]), and takes a
//! signature that was made there ([`attach_made`]). A body never changes by signing; a patch
//! without chunk digests gets them.

mod authenticate;
#[cfg(feature = "sign")]
mod error;
#[cfg(feature = "sign")]
mod made;
mod patch;
#[cfg(feature = "sign")]
mod private;
#[cfg(feature = "sign")]
mod public;

pub use authenticate::{authenticate, AuthenticateError};
#[cfg(feature = "sign")]
pub use error::{KeyError, SignError};
#[cfg(feature = "sign")]
pub use made::{attach_made, signature_made};
#[cfg(feature = "sign")]
pub use patch::sign;
pub use patch::{attach, message, signatures};
#[cfg(feature = "sign")]
pub use private::PrivateKey;
#[cfg(feature = "sign")]
pub use public::{PublicKey, TrustedKeys};

pub use crate::host::seal::SealError;
