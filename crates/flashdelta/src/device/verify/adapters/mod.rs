//! Verifiers by crates that know the arithmetic, one public key each. Several keys are an array of
//! them; two algorithms a pair.
//!
//! ```
//! # #[cfg(all(feature = "ed25519-dalek", feature = "p256"))] {
//! use flashdelta::apply::SoftwareSha256;
//! use flashdelta::verify::adapters::{Ed25519Key, P256Key};
//!
//! # let (release, spare) = ([3; 32], [0xd7; 32]);
//! # let mut factory = [0; 65];
//! # factory.copy_from_slice(&hex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d8\
//! #     98c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"));
//! # fn hex(text: &str) -> Vec<u8> {
//! #     (0..65).map(|i| u8::from_str_radix(&text[i * 2..i * 2 + 2], 16).unwrap()).collect()
//! # }
//! let sha = &mut SoftwareSha256;
//! let ed25519 = [release, spare].map(|key| Ed25519Key::new(sha, &key));
//! let p256 = P256Key::new(sha, &factory);
//! let verifier = (ed25519, [p256]);
//! # let _ = verifier;
//! # }
//! ```

#[cfg(feature = "ed25519-dalek")]
mod ed25519_dalek;
mod key;
#[cfg(feature = "p256")]
mod p256;
#[cfg(feature = "salty")]
mod salty;

#[cfg(feature = "ed25519-dalek")]
pub use ed25519_dalek::Ed25519Key;
#[cfg(feature = "p256")]
pub use p256::P256Key;
#[cfg(feature = "salty")]
pub use salty::SaltyKey;
