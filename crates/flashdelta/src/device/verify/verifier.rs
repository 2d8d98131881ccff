//! The keys of a device.

use super::{Algorithm, KeyId, Message};

/// What a [`Verifier`] says about a signature.
#[allow(clippy::exhaustive_enums)] // Whoever asks must decide about each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// It is right, and made with a key that is trusted.
    Right,
    /// It is made with no key that is trusted.
    UnknownKey,
    /// It names a key that is trusted, but was not made with it, or not for this message.
    Wrong,
}

/// The keys that a device trusts, and the arithmetic to check signatures with them.
///
/// `verify` is asked about the signatures of a patch one by one until it finds one right. An
/// algorithm that it does not have is [`Verdict::UnknownKey`]. A key belongs to one algorithm: it
/// must not be tried with another one.
///
/// A verifier has to tell keys by their ids. When a suspended update goes on it is asked, with a
/// message and a signature of zeros, whether the key that has vouched for the patch is still one of
/// its keys: any verdict but [`Verdict::UnknownKey`] says so.
///
/// ```
/// use flashdelta::verify::{Algorithm, KeyId, Message, Verdict, Verifier};
///
/// /// A secure element with one key in it.
/// struct SecureElement {
///     key_id: KeyId,
/// #   chip: fn(&[u8], &[u8]) -> bool,
/// }
///
/// impl Verifier for SecureElement {
///     fn verify(
///         &mut self,
///         algorithm: Algorithm,
///         key_id: &KeyId,
///         message: &Message,
///         signature: &[u8; 64],
///     ) -> Verdict {
///         if algorithm != Algorithm::P256 || *key_id != self.key_id {
///             return Verdict::UnknownKey;
///         }
///         if (self.chip)(message, signature) {
///             Verdict::Right
///         } else {
///             Verdict::Wrong
///         }
///     }
/// }
/// ```
pub trait Verifier {
    /// Whether `signature` is the one of `message` by the key that `key_id` names.
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict;
}

impl<V: Verifier + ?Sized> Verifier for &mut V {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        (**self).verify(algorithm, key_id, message, signature)
    }
}

/// Several keys: the one that knows a signature's key decides.
impl<V: Verifier> Verifier for [V] {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        for key in self {
            match key.verify(algorithm, key_id, message, signature) {
                Verdict::UnknownKey => {}
                verdict => return verdict,
            }
        }
        Verdict::UnknownKey
    }
}

impl<V: Verifier, const N: usize> Verifier for [V; N] {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        self[..].verify(algorithm, key_id, message, signature)
    }
}

/// Keys of two kinds: the second is asked if the first does not know a signature's key.
impl<A: Verifier, B: Verifier> Verifier for (A, B) {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        match self.0.verify(algorithm, key_id, message, signature) {
            Verdict::UnknownKey => self.1.verify(algorithm, key_id, message, signature),
            verdict => verdict,
        }
    }
}

/// No keys: knows none, so trusts none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoKeys;

impl Verifier for NoKeys {
    fn verify(&mut self, _: Algorithm, _: &KeyId, _: &Message, _: &[u8; 64]) -> Verdict {
        Verdict::UnknownKey
    }
}
